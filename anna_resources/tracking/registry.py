"""MLflow's registry: each launch is a version of the model named by its task, which `mlflow models serve` can serve.

A launch has one version, whoever registers it and however often: the version has the launch's tag, by which it is
found, and only one process of a deployment registers at a time. The alias `candidate` is on the newest launch;
`champion` mirrors the ledger, which alone decides.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from anna_core.errors import AnnaError
from anna_core.keys import task_of
from anna_resources.artifacts.candidate import CandidateFolder

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

    from anna_core.scoring.event_scorer import EventScorer

CHAMPION, CANDIDATE = "champion", "candidate"  # aliases
LEDGER_TAG, MODEL_TAG, KEPT_TAG = "anna.ledger", "anna.model", "anna.kept_at"
_FOLDER = "model"  # below the artifacts of the launch's run
_LOCK = ".registry.lock"
_LOCK_SECONDS = 60.0
_CODE = Path(__file__).with_name("served_model.py")
_EXAMPLE_DAY, _EXAMPLE_TIME = "2024-03-31", "2024-03-30 12:00:00"


class RegistryError(AnnaError):
    """A version is not there, or cannot be made."""


@dataclass(frozen=True)
class Registry:
    """The registry of a deployment.

    Attributes:
        client: MLflow's own.
        folder: of the outbox, where the lock lies.
        left_aside: the share of a domain's events that a request may have left aside, 0 to 1.
    """

    client: "MlflowClient"
    folder: Path
    left_aside: float

    def register(self, kept: CandidateFolder, kept_at: int, run_id: str) -> str:
        """Make a launch a version of its task's model, unless it is one; return the version.

        Args:
            kept: the launch.
            kept_at: when it was kept, in milliseconds of Unix time; the alias `candidate` goes to the latest.
            run_id: of the launch's run in MLflow, among whose artifacts the model is put.

        Raises:
            ArtifactError: the launch's folder is gone or damaged.
            MlflowException, OSError: the server does not work; to do the same again does no harm.
        """
        task = task_of(kept.tag)
        with self._alone():
            versions = self.versions(task)
            if kept.tag not in versions:
                versions[kept.tag] = self._create(task, kept, kept_at, run_id)
            newest = max(versions.values(), key=lambda version: int(version.tags[KEPT_TAG]))
            self._point(task, CANDIDATE, newest.version)
        return str(versions[kept.tag].version)

    def versions(self, task: str) -> "dict[str, ModelVersion]":
        """Tag of each launch that is registered → its version; none where the task has no model."""
        found = self.client.search_model_versions(f"name = '{task}'")
        return {version.tags[LEDGER_TAG]: version for version in found if LEDGER_TAG in version.tags}

    def mirror(self, task: str, champion: str) -> bool:
        """Have the alias `champion` on the version of a launch; whether it was not there before.

        Raises:
            RegistryError: the launch is not registered.
            MlflowException: the server does not work.
        """
        with self._alone():
            versions = self.versions(task)
            if champion not in versions:
                raise RegistryError(f"{champion} is not registered yet in MLflow's model {task}.")
            return self._point(task, CHAMPION, versions[champion].version)

    def _alone(self) -> FileLock:
        self.folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self.folder / _LOCK, timeout=_LOCK_SECONDS)

    def _point(self, task: str, alias: str, version: str) -> bool:
        if str(self.client.get_registered_model(task).aliases.get(alias)) == str(version):
            return False
        self.client.set_registered_model_alias(task, alias, str(version))
        return True

    def _create(self, task: str, kept: CandidateFolder, kept_at: int, run_id: str) -> "ModelVersion":
        from mlflow.exceptions import MlflowException
        from mlflow.store.artifact.runs_artifact_repo import RunsArtifactRepository

        with tempfile.TemporaryDirectory(prefix="anna-model-") as made:
            folder = Path(made, _FOLDER)
            digest = save_served(kept.model_folder(), folder, self.left_aside)
            self.client.log_artifacts(run_id, str(folder), _FOLDER)
        try:
            self.client.create_registered_model(task)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        source = RunsArtifactRepository.get_underlying_uri(f"runs:/{run_id}/{_FOLDER}", self.client.tracking_uri)
        tags = {LEDGER_TAG: kept.tag, MODEL_TAG: digest, KEPT_TAG: str(kept_at)}
        return self.client.create_model_version(task, source, run_id, tags=tags)


def save_served(launch: Path, folder: Path, left_aside: float) -> str:
    """Write a launch as a model of MLflow's `pyfunc` into a folder that is not there yet; return the model's digest.

    Raises:
        ArtifactError: the launch is damaged.
    """
    import mlflow

    from anna_core.scoring.event_scorer import EventScorer

    scorer = EventScorer.load(launch)
    mlflow.pyfunc.save_model(
        str(folder),
        python_model=str(_CODE),
        artifacts={"launch": str(launch)},
        signature=_signature(scorer),
        input_example=_example(scorer),
        pip_requirements=_requirements(),
        model_config={"threads": None, "left_aside": left_aside},
        metadata={LEDGER_TAG: scorer.model.facts.tag, MODEL_TAG: scorer.model.version},
    )
    return scorer.model.version


def _signature(scorer: "EventScorer") -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types.schema import AnyType, ColSpec, ParamSchema, ParamSpec, Schema

    inputs = Schema(
        [ColSpec(AnyType(), "client_id"), ColSpec("string", "as_of", required=False), ColSpec(AnyType(), "events")]
    )
    answer = scorer.answer([]).scores
    kinds = {"String": "string", "Date": "string", "Float32": "float", "Int64": "long"}
    outputs = Schema([ColSpec(kinds[str(kind)], name) for name, kind in answer.schema.items()])
    return ModelSignature(inputs, outputs, ParamSchema([ParamSpec("as_of", "string", "")]))


def _example(scorer: "EventScorer") -> Any:
    """A client with one event in each domain, as a request is written."""
    import pandas as pd

    events = {name: [_example_event(scorer, name)] for name in scorer.domains}
    return pd.DataFrame([{"client_id": "1", "as_of": _EXAMPLE_DAY, "events": events}])


def _example_event(scorer: "EventScorer", name: str) -> dict[str, object]:
    reader = scorer.readers[name]
    domain, known = reader.domain, reader.dictionary.table
    first: Mapping[str, str] = dict(known.filter(known["code"] == 1).select("field", "value").iter_rows())
    values: dict[str, object] = dict.fromkeys(domain.source_columns, "1")
    values |= {field: first.get(field, "1") for field in domain.categorical}
    values |= dict.fromkeys(domain.numeric, 1.0) | dict.fromkeys(domain.boolean, True)
    values[domain.columns.event_time] = _EXAMPLE_TIME
    del values[domain.columns.client_id]
    return values


def _requirements() -> list[str]:
    """What a machine needs that serves the model; ANNA itself from wherever the bank keeps its packages."""
    from importlib.metadata import packages_distributions, version

    there = {name for names in packages_distributions().values() for name in names}  # a bare checkout is no package
    packages = ("anna-platform", "lightgbm", "mlflow", "numpy", "polars", "pyarrow", "safetensors", "torch")
    return [f"{name}=={version(name)}" for name in packages if name in there]
