"""What launches say to MLflow, and how it gets there: well, ill, refusing, slow and hanging servers."""

import contextlib
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import dagster as dg
import pytest
from mlflow.exceptions import MlflowException, RestException

from anna_core.models.progress import EpochReport
from anna_core.tasks.task import Task, TaskType
from anna_resources.fixed import fixed
from anna_resources.tracking import resource as module
from anna_resources.tracking.delivery import MOST_METRICS, RefusedError, Session, deliver
from anna_resources.tracking.outbox import Outbox, RunReport
from anna_resources.tracking.pause import Pause
from anna_resources.tracking.record import LaunchRecord
from anna_resources.tracking.resource import Tracking
from anna_resources.tracking.sender import Sender

TASK = Task(name="churn", type=TaskType.BINARY, metric="roc_auc", owner="crm", targets=("target",))
VALUES = dict.fromkeys(("train_loss", "valid_loss", "valid_metric", "events_per_second", "seconds_left"), 0.5)
REPORT = EpochReport(epoch=3, epochs=9, metric="roc_auc", best=True, **VALUES)
PATIENCE = 30  # seconds; only a broken test waits that long
REGISTRY = SimpleNamespace()  # nothing is registered here
ROOT = "0d2f6a0e-4b3c-4a51-9d0f-7f4f5f0f8f11"


class Client:
    """Takes down what MLflow's client is asked; `fails` maps a method to what it raises."""

    def __init__(self, **fails):
        self.calls, self.fails, self.runs = [], fails, {}

    def _call(self, method, *what):
        self.calls.append((method, *what))
        if error := self.fails.get(method):
            raise error

    def log_batch(self, run_id, metrics=(), params=()):
        self._call("metrics" if metrics else "params", run_id, {m.key: m.value for m in metrics}, len(params))

    def log_artifact(self, run_id, path):
        self._call("file", run_id, path)

    def set_terminated(self, run_id, status, end_time):
        self._call("end", run_id, status, end_time)

    def search_runs(self, experiments, rule):
        return [run for tag, run in self.runs.items() if tag in rule]

    def create_run(self, experiment, start_time, tags, run_name):
        self._call("run", run_name, start_time, tags["mlflow.parentRunId"])
        run = SimpleNamespace(info=SimpleNamespace(run_id=f"run of {run_name}"))
        self.runs[tags["anna.try"]] = run
        return run


@pytest.fixture
def box(tmp_path):
    return Outbox.of(tmp_path).launch("churn.q1", ROOT)


@pytest.fixture
def launch(box):
    return LaunchRecord(box, lambda: None, logging.getLogger("step"))


def sent(box, client, told=None):
    deliver(box, Session(client, "1", "parent", REGISTRY), (told if told is not None else []).append)
    return client.calls


def test_a_launch_is_told_with_its_models_before_its_own_end(box, launch, tmp_path):
    report = tmp_path / "report.html"
    report.write_text("…")
    launch.log_facts(TASK, "churn.q1")
    with launch.part("cards") as part:
        part.log_epoch(REPORT)
    launch.log_metrics({"metamodel.metamodel": 0.7})
    launch.log_files(report)
    launch.finish()
    calls = sent(box, Client())
    assert [(call[0], call[1]) for call in calls] == [
        ("run", "cards"), ("metrics", "run of cards"), ("end", "run of cards"),
        ("metrics", "parent"), ("params", "parent"), ("file", "parent"), ("end", "parent"),
    ]  # fmt: skip
    assert calls[0][3] == "parent"
    assert calls[1][2] == {"train_loss": 0.5, "valid_loss": 0.5, "valid_roc_auc": 0.5, "events_per_second": 0.5}
    assert calls[2][2] == calls[6][2] == "FINISHED"
    assert calls[4][3] == 5 + len(TASK.net.model_dump()) + len(TASK.training.model_dump())
    assert calls[2][3] <= calls[6][3]  # when it was, not when it was sent
    assert box.is_sent


def test_only_what_is_new_is_sent_and_the_end_again_as_opening_the_run_took_it_back(box, launch):
    launch.log_metrics({"a": 0.5})
    launch.finish()
    sent(box, Client())
    with launch.part("cards") as part:
        part.log_epoch(REPORT)
    assert [call[:3:2] for call in sent(box, Client())][-2:] == [("end", "FINISHED"), ("end", "FINISHED")]


def test_hundreds_of_epochs_that_waited_go_out_in_a_few_requests(box, launch):
    with launch.part("cards") as part:
        for _ in range(500):
            part.log_epoch(REPORT)
    assert [call[0] for call in sent(box, Client())].count("metrics") == -(-500 * 4 // MOST_METRICS) == 3


def test_a_model_that_fails_or_is_interrupted_ends_so(box, launch):
    for error, status in ((ValueError("boom"), "FAILED"), (dg.DagsterExecutionInterruptedError(), "KILLED")):
        with pytest.raises(type(error)), launch.part("cards"):
            raise error
        [ended] = [call[2] for call in sent(box, Client()) if call[0] == "end"]
        assert ended == status


def test_what_a_well_server_refuses_is_left_out_and_told(box, launch):
    launch.log_facts(TASK, "churn.q1")
    launch.log_metrics({"a": 0.5})
    launch.finish()
    refusal = RestException({"error_code": "INVALID_PARAMETER_VALUE", "message": "changing seed is not allowed"})
    told = []
    calls = sent(box, Client(params=refusal), told)
    assert [call[0] for call in calls] == ["metrics", "params", "end"]
    assert len(told) == 1
    assert "changing seed is not allowed" in told[0]
    assert box.is_sent


@pytest.mark.parametrize(
    "error",
    [
        RestException({"error_code": "INTERNAL_ERROR", "message": "database is locked"}),
        MlflowException("API request failed with error code 404 != 200", error_code=9),  # a proxy's, not MLflow's
        OSError("connection reset"),
    ],
)
def test_nothing_is_left_out_because_a_server_is_ill(box, launch, error):
    launch.log_facts(TASK, "churn.q1")
    with pytest.raises(type(error)):
        sent(box, Client(params=error))
    assert not box.is_sent


def test_a_file_that_was_made_anew_meanwhile_is_left_out_and_told(box, launch, tmp_path):
    launch.log_files(tmp_path / "gone.html")
    told = []
    assert sent(box, Client(), told) == []
    assert "gone.html is gone" in told[0]


def test_what_an_ill_server_did_not_take_is_sent_later_to_the_same_child(box, launch):
    with launch.part("cards") as part:
        part.log_epoch(REPORT)
    ill = RestException({"error_code": "INTERNAL_ERROR", "message": "database is locked"})
    client = Client(end=ill)
    with pytest.raises(MlflowException, match="database is locked"):
        sent(box, client)
    assert not box.is_sent
    client.fails.clear()
    sent(box, client)
    assert box.is_sent
    assert [call[0] for call in client.calls].count("run") == 1


def sender(box, tmp_path, opened, told=None):
    def open_session(_):
        if isinstance(opened, Exception):
            raise opened
        return Session(opened, "1", "parent", REGISTRY)

    pause = Pause(tmp_path / "pause.json")
    return Sender(box, open_session, lambda: None, pause, (told if told is not None else []).append), pause


@pytest.mark.parametrize(
    "error",
    [
        RestException({"error_code": "INTERNAL_ERROR", "message": "no space left on device"}),
        OSError("no space left on device"),
        ValueError("no space left on device"),  # an answer that is no JSON, or not the one that was expected
    ],
)
def test_whatever_an_ill_server_does_the_step_goes_on_and_the_server_rests(box, launch, tmp_path, error):
    launch.log_metrics({"a": 0.5})
    who, pause = sender(box, tmp_path, error)
    assert "no space left on device" in who.send()
    assert pause.seconds_left > 0
    assert not box.is_sent
    well, pause = sender(box, tmp_path, Client())
    assert well.send() is None
    assert pause.seconds_left == 0
    assert box.is_sent


def test_a_launch_that_a_well_server_refuses_is_left_out_and_told(box, launch, tmp_path):
    launch.log_metrics({"a": 0.5})
    told = []
    who, pause = sender(box, tmp_path, RefusedError("MLflow's experiment churn was deleted"), told)
    assert who.send() is None
    assert told == ["MLflow's experiment churn was deleted"]
    assert (box.is_sent, pause.seconds_left) == (True, 0)


def test_an_outbox_that_cannot_be_written_costs_curves_but_no_launch(box, launch, caplog):
    box.folder.parent.mkdir(parents=True)
    box.folder.write_text("a file in the folder's place")
    launch.log_metrics({"a": 0.5})
    assert "cannot be written, so MLflow will miss something of this launch" in caplog.text


class Ill(BaseHTTPRequestHandler):
    """A server on MLflow's port that is ill in the manner of its server."""

    def do_GET(self):
        self.server.asked += 1
        match self.server.manner:
            case "hangs":
                self.server.over.wait(PATIENCE)
            case "trickles":  # a byte now and then keeps any time-out of a single read from coming
                self.wfile.write(b"HTTP/1.1 200 OK\r\n")
                while not self.server.over.wait(0.05):
                    with contextlib.suppress(OSError):
                        self.wfile.write(b"X")
            case "closes":
                self.close_connection = True
            case "talks nonsense":
                self._answer(200, b"<html>It works!</html>")
            case manner:
                self._answer(500, json.dumps({"error_code": "INTERNAL_ERROR", "message": manner}).encode())

    do_POST = do_GET  # noqa: N815  # the base class's names

    def _answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def ill(manner):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Ill)
    server.manner, server.over, server.asked = manner, threading.Event(), 0
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join(PATIENCE)


def train(tracking):
    """A launch of three steps; its result, and the warnings of its log."""

    def step(name, ins):
        @dg.op(name=name, ins=ins, out=dg.Out(dg.Nothing))
        def run(context, tracking: Tracking) -> None:
            with tracking.launch(context.run, "churn.q1", context.log) as launch, launch.part(name) as part:
                part.log_epoch(REPORT)

        return run

    first, *rest = [step(name, {} if name == "cards" else {"after": dg.In(dg.Nothing)}) for name in ("cards", "b", "c")]

    @dg.job(resource_defs={"tracking": fixed(tracking)})
    def launch():
        last = first()
        for one in rest:
            last = one(last)

    with dg.DagsterInstance.ephemeral() as instance:
        result = launch.execute_in_process(instance=instance, raise_on_error=False)
        warnings = [entry.user_message for entry in instance.all_logs(result.run_id) if entry.level == logging.WARNING]
    return result, warnings


@pytest.mark.parametrize(
    ("manner", "told"),
    [
        ("database is locked", "too many 500 error responses"),
        ("hangs", "no end after 0.2 s"),
        ("trickles", "no end after 0.2 s"),
        ("closes", ""),
        ("talks nonsense", ""),
    ],
)
def test_a_launch_goes_on_while_mlflow_is_ill_says_so_once_and_asks_once(tmp_path, monkeypatch, manner, told):
    monkeypatch.setattr(module, "FLUSH_SECONDS", 0.2 if "no end" in told else PATIENCE)
    with ill(manner) as server:  # it stays ill until the launch is over
        tracking = Tracking(url=f"http://127.0.0.1:{server.server_port}", home=str(tmp_path))
        result, warnings = train(tracking)
        asked = server.asked
    assert result.success
    [warning] = warnings
    assert f"MLflow at {tracking.url} is not well: " in warning
    assert told in warning
    assert "The launch goes on" in warning
    assert asked <= 2  # later steps leave a server alone that has just failed
    [box] = tracking.outbox.waiting()
    assert [(len(file.unsent()[0]), file.ended.status) for file in box.parts()] == [(2, "FINISHED")] * 3


def test_a_launch_goes_on_though_nothing_can_be_noted_of_an_ill_server(tmp_path):
    (tmp_path / "outbox" / "pause.json" / "in the way").mkdir(parents=True)
    with ill("database is locked") as server:
        result, [warning] = train(Tracking(url=f"http://127.0.0.1:{server.server_port}", home=str(tmp_path)))
    assert result.success
    assert "is not well" in warning


def test_a_server_that_is_down_is_told_with_the_cure(tmp_path):
    tracking = Tracking(url="http://127.0.0.1:9", home=str(tmp_path))
    result, [warning] = train(tracking)
    assert result.success
    assert "nothing answers there (`anna up` starts it)" in warning


def test_a_sensor_cannot_speak_to_mlflow_but_says_what_does(tmp_path):
    tracking = Tracking(url="http://127.0.0.1:9", home=str(tmp_path))
    with pytest.raises(module.TrackingError, match="send_to_mlflow"):
        tracking.open(tracking.outbox.launch("churn.q1", ROOT))


def test_the_time_of_an_entry_is_mlflows(box, launch):
    box.own.append(RunReport(at=1_700_000_000_000, status="FINISHED"))
    assert sent(box, Client()) == [("end", "parent", "FINISHED", 1_700_000_000_000)]
