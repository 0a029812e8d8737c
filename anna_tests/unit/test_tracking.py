import logging

import pytest
from mlflow.exceptions import MlflowException

from anna_core.models.progress import EpochReport
from anna_core.tasks.task import Task, TaskType
from anna_resources.tracking import Launch, Part, Server

TASK = Task(name="churn", type=TaskType.BINARY, metric="roc_auc", owner="crm", targets=("target",))


class Client:
    """Takes down what MLflow's client is asked; fails where it shall."""

    def __init__(self, fails=False):
        self.calls, self.fails = [], fails

    def log_batch(self, run_id, metrics=(), params=()):
        self.calls.append((run_id, {m.key: (m.value, m.step) for m in metrics}, {p.key: p.value for p in params}))
        if self.fails:
            raise MlflowException("down")


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.WARNING)
    return logging.getLogger("launch")


def test_the_facts_of_a_launch_go_out_in_one_request(log):
    client = Client()
    Launch(Server(client, log), "1", "run", "churn.q1").log_facts(TASK)
    [(run_id, metrics, params)] = client.calls
    assert (run_id, metrics) == ("run", {})
    assert params["type"] == "binary"
    assert params["owner"] == "crm"
    assert params["seed"] == str(TASK.seed)
    assert set(params) == {"type", "metric", "owner", "seed", *TASK.net.model_dump(), *TASK.training.model_dump()}


def test_final_figures_and_an_epoch_are_one_request_each(log):
    client = Client()
    server = Server(client, log)
    Launch(server, "1", "run", "churn.q1").log_metrics({"metamodel.metamodel": 0.7, "domain.cards": 0.6})
    values = dict.fromkeys(("train_loss", "valid_loss", "valid_metric", "events_per_second", "seconds_left"), 0.5)
    report = EpochReport(epoch=3, epochs=9, metric="roc_auc", best=True, **values)
    Part(server, "child").log_epoch(report)
    (_, final, _), (child, epoch, _) = client.calls
    assert final == {"metamodel.metamodel": (0.7, 0), "domain.cards": (0.6, 0)}
    assert child == "child"
    assert epoch["valid_roc_auc"] == (0.5, 3)


def test_a_server_that_fails_is_reported_once_and_asked_no_more(log, caplog):
    client = Client(fails=True)
    launch = Launch(Server(client, log), "1", "run", "churn.q1")
    launch.log_facts(TASK)
    launch.log_metrics({"a": 1.0})
    launch.finish()
    assert len(client.calls) == 1
    assert caplog.text.count("MLflow failed") == 1


def test_without_a_server_nothing_is_asked(log, caplog):
    launch = Launch(Server(None, log), "", "", "churn.q1")
    launch.log_facts(TASK)
    launch.log_metrics({"a": 1.0})
    with launch.part("cards") as part:
        assert not part.server
    assert caplog.text == ""
