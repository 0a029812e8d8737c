"""Fits the nets of one model, one after another, within a common budget."""

import copy
import time
from collections.abc import Callable
from dataclasses import replace

import torch

from anna_core.metrics.bootstrap import clients_of
from anna_core.models.device import seeded
from anna_core.models.nets.ensemble import Ensemble
from anna_core.models.progress import EpochReport, OnEpoch
from anna_core.models.training.learning_rate import LEAST_TRIALS, Trial, find_rate
from anna_core.models.training.trainer import DivergenceError, Trainer
from anna_core.tasks.training import Found

Weights = dict[str, torch.Tensor]


class Fitting:
    """The trainings of a model's nets, preceded by a search for their learning rate, if it is to be found.

    The rate is found with the first net and used for all: they are alike, and read nearly the same rows.
    """

    def __init__(
        self,
        nets: Ensemble,
        trainer: Callable[[int, float], Trainer],
        budget: float | None,
        began: float,
        on_epoch: OnEpoch,
    ) -> None:
        """Prepare.

        Args:
            nets: the nets to train.
            trainer: makes the trainer for the net at a place and a learning rate.
            budget: seconds for all of them; None: as long as it takes.
            began: when the budget started to run, by `time.perf_counter`.
            on_epoch: called after every epoch.
        """
        self._nets, self._trainer, self._budget, self._on_epoch = nets, trainer, budget, on_epoch
        self._began = began
        self._done = 0  # trainings so far, including trials

    def run(self, rate: float | Found) -> list[EpochReport]:
        """Train all nets at this rate, or at the one that is found.

        Returns:
            The epochs of the trainings that the nets' weights come from, net after net.

        Raises:
            DivergenceError: a training diverged, or all trials did.
        """
        curves: list[list[EpochReport]] = []
        if isinstance(rate, str):
            rate, reports = self._search()
            curves.append(reports)
        for place in range(len(curves), len(self._nets.nets)):
            curves.append(self._train(self._trainer(place, rate), len(self._nets.nets) - place))
        return [
            replace(report, net=place + 1, nets=len(curves)) for place, part in enumerate(curves) for report in part
        ]

    def _search(self) -> tuple[float, list[EpochReport]]:
        """Find the rate, leaving the first net with the weights trained at it; returns the rate and their epochs."""
        net, others = self._nets.net(0), len(self._nets.nets) - 1
        share = None if self._budget is None else self._budget / (LEAST_TRIALS + others)
        start = copy.deepcopy(net.state_dict())
        found: dict[float, tuple[Weights, list[EpochReport]]] = {}
        diverged: list[DivergenceError] = []

        def train(rate: float) -> Trial:
            net.load_state_dict(start)
            trainer = self._trainer(0, rate)
            client = clients_of(trainer.valid_client, len(trainer.valid_target))
            try:
                reports = self._train(trainer, max(1, LEAST_TRIALS - self._done) + others, share)
                losses = trainer.validate()[1] * trainer.valid_weight
            except DivergenceError as error:
                diverged.append(error)
                return Trial(rate, None, client)
            found[rate] = copy.deepcopy(net.state_dict()), reports
            return Trial(rate, losses, client)

        rate = find_rate(train)
        if rate is None:
            raise diverged[0]
        weights, reports = found[rate]
        net.load_state_dict(weights)
        return rate, reports

    def _train(self, trainer: Trainer, to_come: int, most: float | None = None) -> list[EpochReport]:
        """Run one of this many remaining trainings: time that early stopping saves on one is left to the others.

        Trials get `most` seconds each, so that none looks better only because it had more time.
        """
        began, self._done = time.perf_counter(), self._done + 1
        number, count = self._done, self._done + to_come - 1

        def tell(report: EpochReport) -> None:
            # Those to come are expected to take as long as this one.
            others = (to_come - 1) * (time.perf_counter() - began + report.seconds_left)
            self._on_epoch(replace(report, net=number, nets=count, seconds_left=report.seconds_left + others))

        left = None if self._budget is None else max(0.0, self._budget - (began - self._began)) / to_come
        if left is not None and most is not None:
            left = min(left, most)
        with seeded(trainer.task.seed):
            return trainer.run(tell, left)
