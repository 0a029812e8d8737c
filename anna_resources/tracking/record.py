"""What a step reports of its launch to MLflow: one run per launch, and a child run for each model that it trains."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg

from anna_core.models.progress import EpochReport
from anna_core.tasks.task import Task
from anna_resources.tracking.outbox import LaunchBox, RunFile, RunReport, now


class LaunchRecord:
    """A launch's run in MLflow. Whatever is reported here is in the outbox when the call returns."""

    def __init__(self, box: LaunchBox, wake: Callable[[], None], log: logging.Logger) -> None:
        """Open the record without reporting anything.

        Args:
            box: the launch's outbox.
            wake: called after each report, to have the outbox sent; must return at once.
            log: the step's log, which is told if the outbox cannot be written.
        """
        self.box, self._wake, self._log = box, wake, log

    def log_facts(self, task: Task, tag: str) -> None:
        """Report the task's settings, and the launch's tag in the ledger, as parameters of the run."""
        facts = {"type": task.type.value, "metric": task.metric, "owner": task.owner, "seed": task.seed, "ledger": tag}
        facts |= {**task.net.model_dump(), **task.training.model_dump()}
        self.say(self.box.own, params={name: str(value) for name, value in facts.items()})

    def log_metrics(self, values: Mapping[str, float]) -> None:
        """Report final figures of the whole launch: name → value."""
        self.say(self.box.own, metrics=dict(values))

    def log_files(self, *paths: Path) -> None:
        """Attach files to the launch's run."""
        for path in paths:
            self.say(self.box.own, file=path)

    def register(self, candidate: Path) -> None:
        """Have the launch made a version of its task's model; `candidate` is the folder in which it is kept."""
        self.say(self.box.own, model=candidate)

    def finish(self) -> None:
        """End the launch's run as finished."""
        self.say(self.box.own, status="FINISHED")

    @contextmanager
    def part(self, name: str) -> "Iterator[Part]":
        """A context with the child run of one model; the run ends as the block does: finished, failed or killed."""
        part = Part(self, self.box.open_part(name))
        try:
            yield part
        except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
            self.say(part.file, status="KILLED")
            raise
        except BaseException:
            self.say(part.file, status="FAILED")
            raise
        self.say(part.file, status="FINISHED")

    def say(self, file: RunFile, /, **what: Any) -> None:
        """Put a report with the fields `what` (see `RunReport`) into a file of the outbox, and have it sent.

        If the file cannot be written, the log says so and the launch goes on.
        """
        try:
            file.append(RunReport(at=now(), **what))
        except OSError as error:
            self._log.warning(f"{file.path}: cannot be written, so MLflow will miss something of this launch: {error}")
        else:
            self._wake()


class Part:
    """The child run of one model."""

    def __init__(self, launch: LaunchRecord, file: RunFile) -> None:
        self._launch, self.file = launch, file

    def log_epoch(self, report: EpochReport) -> None:
        """Add an epoch's losses, validation metric and speed (events per second) to the run's curves."""
        values = {
            "train_loss": report.train_loss,
            "valid_loss": report.valid_loss,
            f"valid_{report.metric}": report.valid_metric,
            "events_per_second": report.events_per_second,
        }
        self._launch.say(self.file, metrics=values, step=report.step)
