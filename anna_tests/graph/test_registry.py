"""MLflow's registry: a launch is one version, whatever happens on the way, and `champion` is whom the ledger says."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from anna_assets import mirror_champions
from anna_assets.send_to_mlflow import SEND, outbox_sensor
from anna_core.scoring.event_scorer import EventScorer
from anna_resources.ledger.champions import Champions
from anna_resources.tracking import resource
from anna_resources.tracking.registry import Registry, RegistryError
from anna_resources.tracking.resource import Tracking
from anna_tests.graph.conftest import TRAINED, Deployment
from anna_tests.graph.test_champion import press
from anna_tests.graph.test_raw_events import records

pytestmark = pytest.mark.xdist_group("trained")
FIRST, SECOND = TRAINED


class Store:
    """MLflow on a database of its own, without a server."""

    def __init__(self, folder: Path) -> None:
        self.uri = f"sqlite:///{folder / 'mlflow.db'}"
        self.client = MlflowClient(self.uri)
        self.artifacts = (folder / "artifacts").as_uri()

    def run(self, task: str) -> str:
        found = self.client.get_experiment_by_name(task)
        experiment = found.experiment_id if found else self.client.create_experiment(task, self.artifacts)
        return self.client.create_run(experiment).info.run_id

    def aliases(self, task: str = "churn") -> dict[str, str]:
        """Alias → tag of the launch."""
        tags = {str(version.version): version.tags["anna.ledger"] for version in self.versions(task)}
        return {alias: tags[str(at)] for alias, at in self.client.get_registered_model(task).aliases.items()}

    def versions(self, task: str = "churn") -> list:
        return list(self.client.search_model_versions(f"name = '{task}'"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("mlflow"))


@pytest.fixture
def registry(store: Store, tmp_path: Path) -> Iterator[Registry]:
    yield Registry(store.client, tmp_path / "outbox", 0.1)
    for model in store.client.search_registered_models():
        store.client.delete_registered_model(model.name)


def test_a_launch_becomes_one_version_however_often_it_is_said_or_cut_off(
    trained, store, registry, monkeypatch
) -> None:
    kept, run = trained.warehouse.candidate(FIRST), store.run("churn")
    for method in ("log_artifacts", "create_registered_model", "create_model_version"):
        with monkeypatch.context() as patched:
            patched.setattr(store.client, method, raises(OSError("killed")))
            with pytest.raises(OSError, match="killed"):
                registry.register(kept, 1, run)
    assert store.versions() == []
    with ThreadPoolExecutor(2) as pool:  # as of two processes: files are locked by whoever opened them
        twice = [pool.submit(registry.register, kept, 1, run) for _ in range(2)]
        assert [one.result() for one in twice] == ["1", "1"]
    [version] = store.versions()
    assert version.tags == {"anna.ledger": FIRST, "anna.model": kept.model().version, "anna.kept_at": "1"}
    assert version.run_id == run
    assert store.aliases() == {"candidate": FIRST}


def test_candidate_is_the_newest_and_champion_whom_the_ledger_says(trained, store, registry) -> None:
    run = store.run("churn")
    registry.register(trained.warehouse.candidate(SECOND), 2, run)
    registry.register(trained.warehouse.candidate(FIRST), 1, run)  # kept earlier, told later
    assert store.aliases() == {"candidate": SECOND}
    assert registry.mirror("churn", FIRST)
    assert not registry.mirror("churn", FIRST)
    assert store.aliases() == {"candidate": SECOND, "champion": FIRST}
    store.client.set_registered_model_alias("churn", "champion", "1")  # by hand
    assert registry.mirror("churn", FIRST)
    assert store.aliases()["champion"] == FIRST
    with pytest.raises(RegistryError, match=r"churn\.q9 is not registered yet"):
        registry.mirror("churn", "churn.q9")


def test_what_the_registry_has_answers_raw_events_as_the_launch_does(trained, store, registry) -> None:
    registry.register(trained.warehouse.candidate(FIRST), 1, store.run("churn"))
    mlflow.set_tracking_uri(store.uri)
    served = mlflow.pyfunc.load_model("models:/churn@candidate")
    asked = records(trained, range(35, 45))
    ours = EventScorer.load(trained.warehouse.candidate(FIRST).model_folder()).answer(asked).scores
    answer = served.predict(pd.DataFrame(asked))
    assert answer["score"].tolist() == ours["score"].to_list()
    assert answer.columns.tolist() == served.metadata.get_output_schema().input_names() == ours.columns
    assert answer["as_of"].tolist() == ["2024-04-01"] * 10
    undated = pd.DataFrame([{"client_id": 7, "events": {}}])
    assert served.predict(undated, params={"as_of": "2024-03-01"})["as_of"].tolist() == ["2024-03-01"]
    with pytest.raises(MlflowException, match="client 7: has no as_of") as refused:
        served.predict(undated)
    assert refused.value.get_http_status_code() == 400


def test_an_alias_is_mended_from_the_ledger_once_mlflow_is_back(trained, store, registry, monkeypatch) -> None:
    tracking = Tracking.of(trained.settings)
    pressed = press(trained, tag=FIRST)  # MLflow is away: the press stands
    [warning] = [entry.user_message for entry in trained.instance.all_logs(pressed.run_id) if entry.level == 30]
    assert f"{FIRST} is champion, but MLflow's registry does not say so yet: nothing answers there" in warning
    waiting = {box.key for box in tracking.outbox.waiting()}
    assert waiting == set(TRAINED)  # their launches were without MLflow, too

    monkeypatch.setattr(resource, "_listens", lambda url: True)
    monkeypatch.setattr(Tracking, "_registry", lambda self: registry)
    monkeypatch.setattr(mirror_champions, "registered_champion", lambda url, task: champion_of(store, task))
    for box in list(tracking.outbox.launches()):
        box.drop()  # as of launches that were told to MLflow before it had a registry
    monkeypatch.setattr(
        Tracking, "open", lambda self, box: resource.Session(store.client, "0", store.run("churn"), registry)
    )
    assert isinstance(tick(trained), dg.RunRequest)
    assert isinstance(tick(trained), dg.SkipReason)  # a moment ago
    assert trained.defs.resolve_job_def(SEND).execute_in_process(instance=trained.instance).success
    assert store.aliases() == {"candidate": FIRST, "champion": FIRST}
    assert len(store.versions()) == 1

    press(trained, tag=SECOND)  # which is not registered
    assert trained.defs.resolve_job_def(SEND).execute_in_process(instance=trained.instance).success
    assert store.aliases()["champion"] == Champions.of(trained.settings).current("churn").tag == SECOND
    press(trained, button="ROLLBACK", override={})
    assert store.aliases()["champion"] == FIRST  # by the press itself
    assert isinstance(tick(trained), dg.SkipReason)
    store.client.delete_registered_model_alias("churn", "champion")
    assert isinstance(tick(trained), dg.RunRequest)


def champion_of(store: Store, task: str) -> str:
    try:
        return store.aliases(task).get("champion", "")
    except MlflowException:  # there is no such model
        return ""


def tick(deployment: Deployment) -> dg.RunRequest | dg.SkipReason:
    cursor = getattr(deployment, "cursor", None)
    context = dg.build_sensor_context(
        instance=deployment.instance, resources={"tracking": deployment.defs.resources["tracking"]}, cursor=cursor
    )
    result = outbox_sensor(context)
    deployment.cursor = context.cursor
    return result


def raises(error: Exception):
    def do(*_: object, **__: object) -> None:
        raise error

    return do
