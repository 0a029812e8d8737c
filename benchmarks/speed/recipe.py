"""How the peers' nets are trained: as ANNA trains its own, so that the metrics can be compared.

AdamW with a weight decay of 0.01 on the matrices; the learning rate climbs to 0.003 over a fifth of the steps and falls
along half a cosine; gradients are cut at a norm of 1 (`anna_core.models.training`, written out again: peers run without
ANNA).
"""

import math
from collections.abc import Callable

import torch
from torch import nn

LEARNING_RATE, WEIGHT_DECAY, WARM_UP_SHARE, GRADIENT_NORM = 3e-3, 1e-2, 0.2, 1.0
Step = Callable[[torch.Tensor], None]


def make_step(net: nn.Module, steps: int) -> Step:
    """A function that takes a batch's loss and moves the weights; to be called `steps` times."""
    parameters = list(net.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": WEIGHT_DECAY},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _share_of_peak(step, steps))

    def step(loss: torch.Tensor) -> None:
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, GRADIENT_NORM)
        optimiser.step()
        schedule.step()

    return step


def _share_of_peak(step: int, steps: int) -> float:
    warm_up = max(1.0, WARM_UP_SHARE * steps)
    if step < warm_up:
        return (step + 1) / (warm_up + 1)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm_up) / max(1.0, steps - warm_up))))
