"""MLflow as a Dagster resource: each launch has one run there, which dagster-mlflow finds or creates.

What a launch reports is put into its outbox first. A thread of the step sends it from there at once; whatever remains
is sent by the job `send_to_mlflow`. So MLflow may be down, slow or full: the launch goes on, and nothing is lost.
"""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import dagster as dg
from filelock import FileLock
from pydantic import PrivateAttr

from anna_core.errors import AnnaError
from anna_core.keys import task_of
from anna_core.sources.source import MOST_LEFT_ASIDE
from anna_resources.settings import Settings
from anna_resources.tracking.courier import Courier
from anna_resources.tracking.delivery import MLFLOW_SAMPLE_TAG, RefusedError, Session
from anna_resources.tracking.outbox import LaunchBox, Outbox
from anna_resources.tracking.pause import Pause
from anna_resources.tracking.record import LaunchRecord
from anna_resources.tracking.registry import Registry, RegistryError
from anna_resources.tracking.sender import LOCK_SECONDS, Sender, first_line

if TYPE_CHECKING:
    from mlflow import MlflowClient

CONNECT_SECONDS = 2.0  # a server that takes longer to accept a connection counts as down, ...
ANSWER_SECONDS = 15  # ... and one that takes longer to answer as failed; beside trainings on all cores 3 were too few
FLUSH_SECONDS = 5.0  # the longest that a step waits at its end
SEND_SECONDS = 60.0  # the longest that sending the rest of a launch may take
# MLflow's client knows these from the environment alone; by default it tries for minutes, and prints addresses.
_CLIENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": str(ANSWER_SECONDS),
    "MLFLOW_ARTIFACT_UPLOAD_DOWNLOAD_TIMEOUT": str(ANSWER_SECONDS),
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
_RUN_TAG = "dagster_run_id"  # by which dagster-mlflow finds the run of a launch


class TrackingError(AnnaError):
    """MLflow cannot be reached from here."""


class Tracking(dg.ConfigurableResource):
    """The tracking server of a deployment.

    Attributes:
        url: the server's address.
        home: ANNA_HOME, which holds the outbox.
        left_aside: the share of a domain's events, 0 to 1, that a served model may leave aside.
    """

    url: str
    home: str
    left_aside: float = MOST_LEFT_ASIDE
    _context: dg.InitResourceContext | None = PrivateAttr(default=None)

    @classmethod
    def of(cls, settings: Settings) -> "Tracking":
        """The tracking server of a deployment."""
        return cls(url=settings.tracking_url, home=str(settings.home), left_aside=settings.left_aside)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Keep Dagster's context: dagster-mlflow's own resource is made in it when it is first needed."""
        self._context = context

    @property
    def outbox(self) -> Outbox:
        """What launches have reported and is kept until it is sent."""
        return Outbox.of(Path(self.home))

    def box(self, run: dg.DagsterRun, key: str) -> LaunchBox:
        """The outbox of a launch, from one of its Dagster runs; a retry shares the outbox of the run that it retries.

        Args:
            run: the Dagster run.
            key: of the sample.
        """
        return self.outbox.launch(key, run.root_run_id or run.run_id)

    @contextmanager
    def launch(
        self, run: dg.DagsterRun, key: str, log: logging.Logger, patience: float | None = None
    ) -> Iterator[LaunchRecord]:
        """A context in which a step reports on its launch.

        At its end it waits until everything is sent, for at most `FLUSH_SECONDS`, or `patience`. Trouble with MLflow is
        logged once per launch, and never raised.

        Args:
            run: the step's Dagster run.
            key: of the sample.
            log: the step's log.
            patience: seconds, of a step that says more than others.
        """
        box, refused = self.box(run, key), list[str]()
        courier = self._courier(box, refused)
        try:
            yield LaunchRecord(box, courier.wake, log)
        finally:
            problem = self._close(courier, FLUSH_SECONDS if patience is None else patience)
            for sentence in refused:
                log.warning(sentence)
            if problem and box.tell_once():
                log.warning(
                    f"MLflow at {self.url} is not well: {problem}. The launch goes on; what it has to say there is "
                    f"kept in {box.folder} and sent when MLflow is well again."
                )

    def send(self, box: LaunchBox, log: logging.Logger) -> str | None:
        """Send what is left of a launch, in at most `SEND_SECONDS`; return None, or why that was not possible."""
        refused = list[str]()
        courier = self._courier(box, refused)
        courier.wake()
        problem = self._close(courier, SEND_SECONDS)
        for sentence in refused:
            log.warning(sentence)
        return problem

    def point_champion(self, task: str, tag: str) -> str | None:
        """Have the alias `champion` of a task's model on a launch, in at most `SEND_SECONDS`.

        Returns:
            None if it is there, or why it is not: then the sensor `outbox` comes back to it.
        """
        courier = Courier(lambda: self._point_champion(task, tag))
        courier.wake()
        return self._close(courier, SEND_SECONDS)

    def _point_champion(self, task: str, tag: str) -> str | None:
        if problem := self.obstacle():
            return problem
        try:
            self._registry().mirror(task, tag)
        except RegistryError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001  # whatever the client makes of a sick server's answers, the press stands
            problem = first_line(error)
            self._pause.begin(problem)
            return problem
        self._pause.end()
        return None

    def _registry(self) -> Registry:
        from mlflow import MlflowClient

        os.environ.update(_CLIENT)
        return Registry(MlflowClient(self.url), self.outbox.folder, self.left_aside)

    def obstacle(self) -> str | None:
        """Why it is no use to try sending now (the server is down, or failed a moment ago); None if it may work."""
        if not _listens(self.url):
            return "nothing answers there (`anna up` starts it)"
        if left := self._pause.seconds_left:
            return f"{self._pause.problem} (tried again in {left:.0f} s)"
        return None

    def open(self, box: LaunchBox) -> Session:
        """Find or create a launch's run in MLflow, which then counts as running.

        Raises:
            RefusedError: somebody deleted the task's experiment.
            TrackingError: called from outside of a run, such as from a sensor.
            MlflowException, OSError: the server does not work.
        """
        from dagster_mlflow import mlflow_tracking
        from mlflow import MlflowClient

        context = self._context
        if context is None or context.run is None or context.log is None:
            raise TrackingError("Only runs speak to MLflow, not sensors: they request a run of `send_to_mlflow`.")
        context.log.addFilter(_is_news)
        os.environ.update(_CLIENT)
        task = task_of(box.key)
        with FileLock(self.outbox.folder / ".lock", timeout=LOCK_SECONDS):  # one of two launches makes the experiment
            known = _find(MlflowClient(self.url), task, box.root)
            config = {
                "mlflow_tracking_uri": self.url,
                "experiment_name": task,
                "mlflow_run_id": known,
                "extra_tags": {_RUN_TAG: box.root, MLFLOW_SAMPLE_TAG: box.key, "mlflow.runName": box.key},
            }
            made = next(mlflow_tracking.resource_fn(context.replace_config(config)))
        run_id = made.mlflow_run_id or made.active_run().info.run_id
        return Session(made.tracking_client, made.experiment.experiment_id, run_id, self._registry())

    def _courier(self, box: LaunchBox, refused: list[str]) -> Courier:
        # Always in a thread of its own: MLflow keeps one active run per thread, and would mix up two launches.
        return Courier(Sender(box, self.open, self.obstacle, self._pause, refused.append).send)

    def _close(self, courier: Courier, seconds: float) -> str | None:
        problem = courier.close(seconds)
        if problem and courier.is_late:  # its thread ends with this process, and tells nobody
            self._pause.begin(problem)
        return problem

    @property
    def _pause(self) -> Pause:
        return Pause(self.outbox.folder / "pause.json")


def _find(client: "MlflowClient", task: str, root: str) -> str | None:
    experiment = client.get_experiment_by_name(task)
    if experiment is None:
        return None
    if experiment.lifecycle_stage == "deleted":
        raise RefusedError(
            f"MLflow's experiment {task} was deleted, so what the launch has to say is left out there. Restore it: "
            f"mlflow experiments restore --experiment-id {experiment.experiment_id}. Or delete it for good: mlflow gc."
        )
    found = client.search_runs([experiment.experiment_id], f"tags.{_RUN_TAG} = '{root}'", max_results=1)
    return found[0].info.run_id if found else None


def _listens(url: str) -> bool:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=CONNECT_SECONDS):
            return True
    except OSError:
        return False


def _is_news(record: logging.LogRecord) -> bool:
    """Whether to keep a log record: each step is told by dagster-mlflow of a new run, which mostly exists already."""
    return not record.getMessage().startswith(("Starting a new mlflow run with id", "Run with id "))
