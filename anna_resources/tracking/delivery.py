"""Delivery: sending the content of a launch's outbox to MLflow.

After a failure the same reports may be sent again, which does no harm: MLflow keeps a point by its time and step and a
parameter by its value, files and ends are simply set again, the run of a model's attempt is found by its tag, and so is
a launch's version in the registry.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anna_core.errors import AnnaError, ArtifactError
from anna_resources.artifacts.candidate import CandidateFolder
from anna_resources.tracking.outbox import LaunchBox, RunFile, RunReport, part_of
from anna_resources.tracking.registry import Registry

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

PART_TAG, TRY_TAG, MLFLOW_SAMPLE_TAG = "anna.part", "anna.try", "anna.sample"
MOST_METRICS = 900  # in one request; MLflow takes up to 1,000
_INVALID = "INVALID_PARAMETER_VALUE"
# Errors of a healthy MLflow after which the same request would fail again and again: a parameter that already has
# another value, a run that somebody deleted.
_REFUSALS = frozenset({_INVALID, "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS", "BAD_REQUEST"})

Tell = Callable[[str], None]


class RefusedError(AnnaError):
    """MLflow works, but refuses a launch."""


@dataclass(frozen=True)
class Session:
    """A connection to a launch's run in MLflow.

    Attributes:
        client: MLflow's own.
        experiment: id of the task's experiment.
        run_id: id of the launch's run.
        registry: where models become versions.
        children: name of the file of a model's attempt → id of its run.
    """

    client: "MlflowClient"
    experiment: str
    run_id: str
    registry: Registry
    children: dict[str, str] = field(default_factory=dict)


def deliver(box: LaunchBox, session: Session, tell: Tell) -> None:
    """Send everything that a launch has reported so far.

    Args:
        box: the launch's outbox; the caller must hold its lock.
        session: the launch's run, just opened or still open.
        tell: called with a sentence for everything that MLflow refuses and that is therefore left out.

    Raises:
        MlflowException, OSError: the server does not work; what was not sent stays in the box.
    """
    for file in box.parts():
        reports, position = file.unsent()
        if reports:
            run_id = _child(box, file, reports[0].at, session)
            _send(file, reports, run_id, session, tell)
            file.mark(position)
    reports, position = box.own.unsent()
    _send(box.own, reports, session.run_id, session, tell)  # also an old end, which opening the session undid
    box.own.mark(position)


def _send(file: RunFile, reports: list[RunReport], run_id: str, session: Session, tell: Tell) -> None:
    from mlflow.entities import Metric, Param
    from mlflow.exceptions import MlflowException

    def call(method: str, *arguments: object, **named: object) -> None:
        attempt(method, getattr(session.client, method), run_id, *arguments, **named)

    def attempt(method: str, function: Callable[..., object], *arguments: object, **named: object) -> None:
        try:
            function(*arguments, **named)
        except MlflowException as error:
            if not _is_refusal(error):
                raise
            tell(f"MLflow does not take what {file.path.stem} says ({method}); it is left out there: {error}")
        except ArtifactError as error:
            tell(f"{error} It does not become a version in MLflow's registry.")

    for metrics in _batches(reports):
        call("log_batch", metrics=[Metric(name, value, report.at, report.step) for report, name, value in metrics])
    if params := [Param(name, value) for report in reports for name, value in report.params.items()]:
        call("log_batch", params=params)
    for report in reports:
        if report.file is not None and not report.file.is_file():
            tell(f"{report.file} is gone, made anew meanwhile; MLflow does not get it.")
        elif report.file is not None:
            call("log_artifact", str(report.file))
        if report.model is not None:
            kept = CandidateFolder(report.model, report.model.name)
            attempt("register", session.registry.register, kept, report.at, run_id)
    if (end := file.ended) is not None:
        call("set_terminated", status=end.status, end_time=end.at)


def _is_refusal(error: "MlflowException") -> bool:
    """Whether MLflow works but refuses, so that trying again is no use; a proxy's 404 is not MLflow's answer."""
    from mlflow.exceptions import RestException

    code: str = error.error_code
    return code in _REFUSALS if isinstance(error, RestException) else code == _INVALID  # raised by its client


def _batches(reports: list[RunReport]) -> Iterator[list[tuple[RunReport, str, float]]]:
    points = [(report, name, value) for report in reports for name, value in report.metrics.items()]
    for first in range(0, len(points), MOST_METRICS):
        yield points[first : first + MOST_METRICS]


def _child(box: LaunchBox, file: RunFile, began: int, session: Session) -> str:
    """The id of the run of a model's attempt, which is created if it does not exist yet."""
    from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

    name = file.path.stem
    if name not in session.children:
        found = session.client.search_runs([session.experiment], f"tags.`{TRY_TAG}` = '{name}'")
        tags = {
            MLFLOW_PARENT_RUN_ID: session.run_id,
            PART_TAG: part_of(file),
            TRY_TAG: name,
            MLFLOW_SAMPLE_TAG: box.key,
        }
        run = next(iter(found), None) or session.client.create_run(
            session.experiment, start_time=began, tags=tags, run_name=part_of(file)
        )
        session.children[name] = run.info.run_id
    return session.children[name]
