"""MLflow: one parent run a launch, through dagster-mlflow, and a child run for each model that the launch trains."""

import logging
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import dagster as dg
from filelock import FileLock

from anna_core.models.progress import EpochReport
from anna_core.tasks.task import Task
from anna_resources.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_ANSWER_SECONDS = 2.0  # a tracking server that takes longer to accept a connection counts as down
_PART_TAG, _SAMPLE_TAG = "anna.part", "anna.sample"


class Tracking(dg.ConfigurableResource):
    """The tracking server of a deployment. Where it does not answer, a launch goes on and says that it keeps no curves.

    Attributes:
        url: of the tracking server.
        home: ANNA_HOME; a lock there keeps parallel steps from making two parents.
    """

    url: str
    home: str

    @classmethod
    def of(cls, settings: Settings) -> "Tracking":
        """The tracking server of a deployment."""
        return cls(url=settings.tracking_url, home=str(settings.home))

    @contextmanager
    def launch(self, run: dg.DagsterRun, key: str, log: logging.Logger) -> "Iterator[Launch]":
        """The launch that a Dagster run, or the run that it retries, belongs to."""
        if not self._answers():
            log.warning(f"MLflow at {self.url} does not answer; this step keeps no curves there. `anna up` starts it.")
            yield Launch(Server(None, log), "", "", key)
            return
        from dagster_mlflow.resources import MlFlow

        root = run.root_run_id or run.run_id
        with FileLock(Path(self.home) / ".mlflow.lock"):
            resource = MlFlow(_ResourceContext(log, run, root, self._config(key)))
        run_id = resource.mlflow_run_id or _active()
        yield Launch(Server(resource.tracking_client, log), resource.experiment.experiment_id, run_id, key)

    def _config(self, key: str) -> dict[str, Any]:
        task, _, _ = key.partition(".")
        return {
            "mlflow_tracking_uri": self.url,
            "experiment_name": task,
            "env": {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"},
            "extra_tags": {_SAMPLE_TAG: key, "mlflow.runName": key},
        }

    def _answers(self) -> bool:
        parts = urlsplit(self.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            with socket.create_connection((parts.hostname or "", port), timeout=_ANSWER_SECONDS):
                return True
        except OSError:
            return False


@dataclass(frozen=True)
class _ResourceContext:
    """What dagster-mlflow's resource asks of its context; its run is the launch's first one, also in a retry."""

    log: logging.Logger
    dagster_run: dg.DagsterRun
    run_id: str
    resource_config: Mapping[str, Any]


class Server:
    """MLflow's client; a server that fails while a launch runs is reported once, and the launch goes on without it."""

    def __init__(self, client: "MlflowClient | None", log: logging.Logger) -> None:
        self._client, self._log = client, log

    def __bool__(self) -> bool:
        return self._client is not None

    def __call__(self, method: str, *arguments: Any, **named: Any) -> Any:
        """Call a method of the client; None where there is no server (any more)."""
        if self._client is None:
            return None
        from mlflow.exceptions import MlflowException

        try:
            return getattr(self._client, method)(*arguments, **named)
        except (MlflowException, OSError) as error:
            self._log.warning(f"MLflow failed; this step keeps no more curves and files there: {error}")
            self._client = None
            return None

    def log_points(self, run_id: str, values: Mapping[str, float], step: int) -> None:
        """Add a point to each of a run's curves, in one request."""
        if self._client is None:
            return
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self("log_batch", run_id, metrics=[Metric(name, value, now, step) for name, value in values.items()])


@dataclass(frozen=True)
class Launch:
    """The parent run of a launch; does nothing where there is no tracking server."""

    server: Server
    experiment: str
    run_id: str
    key: str

    def log_facts(self, task: Task) -> None:
        """Keep what the task is."""
        if not self.server:
            return
        from mlflow.entities import Param

        facts = {"type": task.type.value, "metric": task.metric, "owner": task.owner, "seed": task.seed}
        facts |= {**task.net.model_dump(), **task.training.model_dump()}
        self.server("log_batch", self.run_id, params=[Param(name, str(value)) for name, value in facts.items()])

    def log_metrics(self, values: Mapping[str, float]) -> None:
        """Keep final figures of the whole launch."""
        self.server.log_points(self.run_id, values, step=0)

    def log_files(self, *paths: Path) -> None:
        """Keep files of the whole launch."""
        for path in paths:
            self.server("log_artifact", self.run_id, str(path))

    def finish(self, status: str = "FINISHED") -> None:
        """End the parent run."""
        self.server("set_terminated", self.run_id, status)

    @contextmanager
    def part(self, name: str) -> "Iterator[Part]":
        """A child run for one model. What an earlier, killed try left running is closed first."""
        child = self._open_part(name) if self.server else None
        if child is None:
            yield Part(self.server, "")
            return
        try:
            yield Part(self.server, child.info.run_id)
        except BaseException:
            self.server("set_terminated", child.info.run_id, "FAILED")
            raise
        self.server("set_terminated", child.info.run_id, "FINISHED")

    def _open_part(self, name: str) -> "Run | None":
        from mlflow.entities import RunStatus
        from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

        rule = f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{self.run_id}' and tags.`{_PART_TAG}` = '{name}'"
        for earlier in self.server("search_runs", [self.experiment], rule) or ():
            if earlier.info.status == RunStatus.to_string(RunStatus.RUNNING):
                self.server("set_terminated", earlier.info.run_id, "KILLED")
        tags = {MLFLOW_PARENT_RUN_ID: self.run_id, _PART_TAG: name, _SAMPLE_TAG: self.key}
        return self.server("create_run", self.experiment, run_name=name, tags=tags)


@dataclass(frozen=True)
class Part:
    """The child run of one model; does nothing where there is no tracking server."""

    server: Server
    run_id: str

    def log_epoch(self, report: EpochReport) -> None:
        """Add an epoch to the curves."""
        values = {
            "train_loss": report.train_loss,
            "valid_loss": report.valid_loss,
            f"valid_{report.metric}": report.valid_metric,
            "events_per_second": report.events_per_second,
        }
        self.server.log_points(self.run_id, values, report.step)


def _active() -> str:
    import mlflow

    run = mlflow.active_run()
    assert run is not None, "dagster-mlflow starts a run whenever it finds none"
    return run.info.run_id
