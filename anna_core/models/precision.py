"""The number type in which a net's matrix products run."""

import torch

from anna_core.tasks.net import NetSpec

# Narrower recurrent nets gain nothing from bfloat16 on a CPU: rounding costs as much as the products save.
_NARROWEST_IN_BFLOAT16 = 128


def matrix_products(spec: NetSpec, device: torch.device) -> torch.autocast:
    """A context in which the products of a net's encoder run in the type that its spec asks for.

    `auto` means bfloat16 if the processor multiplies it natively and the net is wide enough to gain, else float32. The
    processor's abilities are looked up, not timed: timings would differ from run to run, and so would the scores.
    """
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=in_bfloat16(spec, device))


def in_bfloat16(spec: NetSpec, device: torch.device) -> bool:
    """Whether a net's products run in bfloat16 on this machine's device."""
    return spec.precision == "bfloat16" or (spec.precision == "auto" and _gains(spec, device))


def _gains(spec: NetSpec, device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return native and spec.hidden - spec.backwards >= _NARROWEST_IN_BFLOAT16
