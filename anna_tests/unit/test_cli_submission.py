"""Samples that are submitted: where their files lie, and what is told until the launch exists."""

from typing import ClassVar

import pytest

from anna_cli.graphql import GraphQLClient, NotRunningError
from anna_cli.launch import State
from anna_cli.main import main
from anna_cli.submission import SubmitError, follow_intake, key_of, locate, registration
from anna_cli.supervisor.ports import free_port
from anna_core.errors import KeyNameError, SampleError
from anna_tests.unit.cli_stub import Stub, identified, serving, upload_row, uploads_answer

KEY = "churn.2024q1"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ANNA_HOME", str(tmp_path))
    monkeypatch.setenv("ANNA_WEBSERVER_PORT", str(free_port()))
    return tmp_path


def test_a_file_is_sent_by_its_absolute_path(home, monkeypatch):
    (home / "2024q1.csv").write_text("x")
    monkeypatch.chdir(home)
    assert locate("2024q1.csv") == str(home / "2024q1.csv")
    assert locate("s3://bank/2024q1.parquet") == "s3://bank/2024q1.parquet"
    with pytest.raises(SampleError, match="no such file"):
        locate("2024q2.csv")


def test_files_are_told_by_their_endings_in_any_letter_case(home):
    for name in ("A.CSV", "b.csv.gz", "c.Parquet", "d.XLSX"):
        (home / name).write_text("x")
    for name in ("A.CSV", "b.csv.gz", "c.Parquet"):
        assert locate(str(home / name)) == str(home / name)
    with pytest.raises(SampleError, match=r"d\.XLSX: is an Excel workbook, which is not read; save its sheet as CSV"):
        locate(str(home / "d.XLSX"))


def test_the_key_is_made_of_the_task_and_the_files_stem():
    assert str(key_of("/x/2024q1.csv", "churn", None)) == KEY
    assert str(key_of("s3://bank/y.parquet", "churn", "2024q1")) == KEY
    with pytest.raises(
        KeyNameError, match=r"^'my sample' cannot .* Rename the file, or name the sample with --sample\.$"
    ):
        key_of("/x/my sample.csv", "churn", None)
    with pytest.raises(KeyNameError, match=r"the task's name, and neither '\.' nor '\.lock' at the end\.$"):
        key_of("/x/q1.csv", "churn", "my sample")
    with pytest.raises(KeyNameError, match=r"^'my task' cannot name a task: [^.]*\.$"):
        key_of("/x/q1.csv", "my task", None)


def test_what_was_left_open_is_left_out_of_the_run():
    params = registration("/x/2024q1.csv", "churn", None, {})
    (op,) = params["runConfigData"]["ops"].values()
    assert op["config"] == {"file": "/x/2024q1.csv", "task": "churn"}
    assert params["selector"] == {
        "repositoryLocationName": "anna", "repositoryName": "__repository__", "jobName": "register_sample",
    }  # fmt: skip
    (op,) = registration("/x", "churn", "s", {"seed": 1})["runConfigData"]["ops"].values()
    assert op["config"] == {"file": "/x", "task": "churn", "sample": "s", "options": {"seed": 1}}


class Intake:
    """An instance's answers while a sample is taken in: a round a poll, in which runs, looks and uploads go on."""

    def __init__(
        self, *rounds, on=True, status="SUCCESS", problem="SampleError: no column as_of", found=(), earlier=(), notes=()
    ):
        self.notes = list(notes)
        self.found, self.earlier = list(found), list(earlier)  # of `earlier` states the registering run is first
        self.rounds, self.on, self.status, self.problem = list(rounds), on, status, problem
        self.at = -1

    launch: ClassVar = {
        "runId": "0123456789", "jobName": "train", "status": "QUEUED", "creationTime": 1.0, "startTime": None,
        "endTime": None, "tags": [], "stepStats": [], "executionPlan": None,
    }  # fmt: skip

    @property
    def now(self):
        return self.rounds[max(0, min(self.at, len(self.rounds) - 1))]

    def runs(self, variables):
        tags = [{"key": "anna/content", "value": "c1"}, {"key": "anna/notes", "value": "\n".join(self.notes)}]
        tags = tags if self.status == "SUCCESS" else []
        found = [{"runId": "r1", "status": self.status, "tags": tags}]
        if "tags" in variables["filter"]:
            found = self.found
        elif "statuses" in variables["filter"]:
            found = [{"runId": "0123456789", "status": "QUEUED", "tags": []}]
        elif self.earlier:
            found = [{"runId": "r1", "status": self.earlier.pop(0), "tags": []}]
        return {"data": {"runsOrError": {"__typename": "Runs", "results": found}}}

    def sensor(self, variables):
        self.at += 1  # of a poll this is asked first; the very first time for the look before
        tick, _ = self.now
        state = {"status": "RUNNING" if self.on else "STOPPED", "ticks": [tick] if tick else []}
        return {"data": {"sensorOrError": {"__typename": "Sensor", "sensorState": state}}}

    def uploads(self, variables):
        _, row = self.now
        return uploads_answer(*([row] if row else []))

    def stub(self):
        event = {"__typename": "ExecutionStepFailureEvent", "stepKey": "upload", "message": "",
                 "error": {"message": self.problem, "className": self.problem.partition(":")[0]}}  # fmt: skip
        launched = {"__typename": "LaunchRunSuccess", "run": {"runId": "r1"}}
        events = {"__typename": "EventConnection", "cursor": "c", "hasMore": False, "events": [event]}
        return Stub(
            LaunchRun={"data": {"launchRun": launched}},
            RunStates=self.runs,
            Runs={"data": {"runsOrError": {"__typename": "Runs", "results": [self.launch]}}},
            Sensor=self.sensor,
            Uploads=self.uploads,
            Events={"data": {"logsForRun": events}},
        )

    def follow(self):
        with serving(self.stub()) as stub:
            return list(follow_intake(GraphQLClient(stub.url), "r1", KEY, sleep=lambda seconds: None))


def look(number, status="SUCCESS", error=None):
    return {"tickId": str(number), "status": status, "error": error}


def row(state, reason="", content="c1", run=""):
    return upload_row(KEY, state, reason, content=content, run=run)


OLD, NEW = look(1), look(2)


def test_the_intake_is_followed_until_the_launch_exists():
    told = Intake(
        (OLD, None),
        (OLD, None),
        (look(2, "STARTED"), None),
        (NEW, row("settling", "it is new here", content="")),
        (NEW, row("waiting", "cards: 2024-02 of the mart is to be built.")),
        (NEW, row("starting", "its run is about to begin.")),
        (NEW, row("launched", run="r2")),
    ).follow()
    looks = ["the sensor 'inbox' looks at it in a moment, as long as Dagster's daemon runs."] * 2
    assert [upload.reason for upload in told] == [
        *looks, "it is new here", "cards: 2024-02 of the mart is to be built.", "its run is about to begin.", ""
    ]  # fmt: skip
    assert (told[-1].state, told[-1].run_id) == (State.LAUNCHED, "r2")


def test_a_sample_does_not_go_back_while_the_sensor_looks_again():
    told = Intake(
        (OLD, None),
        (look(2, "STARTED"), row("starting", "as of an earlier look")),
        (NEW, row("starting", "its run is about to begin.")),
        (look(3, "STARTED"), row("starting", "its run is about to begin.")),
        (look(3), row("launched", run="r2")),
    ).follow()
    states = [State.SETTLING, State.STARTING, State.STARTING, State.LAUNCHED]
    assert [upload.state for upload in told] == states


def test_a_check_that_waits_in_the_run_queue_is_told():
    rounds = (OLD, None), (NEW, row("launched", run="r2"))
    told = Intake(*rounds, earlier=["NOT_STARTED", "QUEUED", "STARTED"]).follow()
    queued = "its check is queued for a free place."
    assert [upload.reason for upload in told] == [queued, queued, "the sample is being checked.", ""]


def test_a_look_that_began_before_the_sample_came_says_nothing():
    """The table may still speak of an earlier upload of the same content, whose launch failed."""
    told = Intake((OLD, None), (OLD, row("launched", run="r0")), (NEW, row("launched", run="r2"))).follow()
    assert [upload.run_id for upload in told] == ["", "r2"]


def test_the_first_look_of_a_sensor_counts():
    told = Intake((None, None), (None, None), (NEW, row("launched", run="r2"))).follow()
    assert [upload.run_id for upload in told] == ["", "r2"]


@pytest.mark.parametrize(
    ("last", "problem"),
    [
        (
            (NEW, row("refused", "/srv/kuwait/churn/task.yaml: wait", content="")),
            "is refused: /srv/kuwait",
        ),
        ((NEW, row("launched", content="c2", run="r9")), "no longer what you brought: another file"),
        ((NEW, row("refused", "nobody has an event", content="c2")), "no longer what you brought: another file"),
        ((NEW, None), "no longer in the inbox"),
        ((look(2, "FAILURE", {"message": "boom\n"}), None), "the sensor 'inbox' fails: boom$"),
    ],
)
def test_what_ends_without_a_launch_is_told(last, problem):
    with pytest.raises(SubmitError, match=problem):
        Intake((OLD, None), (OLD, None), last).follow()


def test_a_launch_that_the_table_no_longer_shows_is_found_by_its_run():
    told = Intake((OLD, None), (NEW, None), found=[{"runId": "r7", "status": "STARTED", "tags": []}]).follow()
    assert [(upload.state, upload.run_id) for upload in told] == [(State.LAUNCHED, "r7")]


def test_a_sample_that_was_not_taken_in_tells_why():
    with pytest.raises(SubmitError, match=r"churn\.2024q1 was not taken in: no column as_of"):
        Intake((OLD, None), status="FAILURE").follow()


def follow_attempts(*answers):
    """Follow an intake whose registering runs answer so, a (run, status, tags) a poll; what was asked for, and told."""
    left, asked = list(answers), []

    def runs(variables):
        if "runIds" not in variables["filter"]:
            return {"data": {"runsOrError": {"__typename": "Runs", "results": []}}}
        asked.extend(variables["filter"]["runIds"])
        run_id, status, tags = left.pop(0)
        tags = [{"key": key, "value": value} for key, value in tags.items()]
        found = [{"runId": run_id, "status": status, "tags": tags}] if status else []
        return {"data": {"runsOrError": {"__typename": "Runs", "results": found}}}

    stub = Intake((OLD, None), (NEW, row("launched", run="r2"))).stub()
    stub.answers["RunStates"] = runs
    told = []
    with serving(stub):
        try:
            for upload in follow_intake(GraphQLClient(stub.url), "r1", KEY, sleep=lambda seconds: None):
                told.append(upload.reason)
        except SubmitError as error:
            told.append(str(error))
    return asked, told


CUT_OFF, RETRIED = {"dagster/will_retry": "true"}, {"dagster/will_retry": "true", "dagster/auto_retry_run_id": "r8"}


def test_a_check_that_was_cut_off_is_followed_in_its_retry():
    asked, told = follow_attempts(
        ("r1", "FAILURE", CUT_OFF), ("r1", "FAILURE", RETRIED), ("r8", "STARTED", {}),
        ("r8", "SUCCESS", {"anna/content": "c1"}),
    )  # fmt: skip
    assert asked == ["r1", "r1", "r8", "r8"]
    assert told == [
        "its check was cut off, and is tried again.", "its check was cut off, and is tried again by run r8.",
        "the sample is being checked.", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("last", "problem"),
    [
        (("r8", "FAILURE", {"dagster/will_retry": "false"}), "no column as_of"),
        (("r8", "CANCELED", CUT_OFF), "no column as_of"),
        (("r8", "", {}), "its run r8 was deleted. Submit it again."),
    ],
)
def test_a_retry_that_ends_without_the_sample_is_told(last, problem):
    asked, told = follow_attempts(("r1", "FAILURE", RETRIED), last)
    assert asked == ["r1", "r8"]
    assert told[1:] == [f"{KEY} was not taken in: {problem}"]


def test_a_sensor_that_is_off_is_told():
    with pytest.raises(SubmitError, match="switch it on"):
        Intake((OLD, None), on=False).follow()


def submit(home, monkeypatch, intake, *options):
    (home / "2024q1.csv").write_text("x")
    monkeypatch.setattr("anna_cli.submission.POLL_SECONDS", 0.0)
    with serving(intake.stub()) as stub:
        deployment = home / stub.url.rsplit(":", 1)[1]
        stub.answers["Identity"] = identified(deployment)
        monkeypatch.setenv("ANNA_WEBSERVER_PORT", stub.url.rsplit(":", 1)[1])
        monkeypatch.setenv("ANNA_HOME", str(deployment))
        main(["submit", str(home / "2024q1.csv"), "--task", "churn", *options])
    return stub


def test_submit_starts_the_job_and_tells_how_to_watch(home, monkeypatch, capsys):
    intake = Intake((OLD, None), (NEW, row("launched", run="r2")), earlier=["QUEUED", "QUEUED"])
    stub = submit(home, monkeypatch, intake, "--option", "training.epochs=5")
    variables = dict(stub.calls)["LaunchRun"]
    (op,) = variables["params"]["runConfigData"]["ops"].values()
    assert op["config"]["options"] == {"training": {"epochs": 5}}
    told = capsys.readouterr().out
    assert f"anna status {KEY}" in told
    assert "/runs/r1" in told
    assert told.count("its check is queued for a free place.") == 1


@pytest.mark.parametrize(
    ("last", "told"),
    [
        (row("launched", run="0123456789"), f"{KEY} is launched: run 01234567, queued at place 1 of 1."),
        (
            row("launched", "the same rows were launched before: this is that launch.", run="0123456789"),
            f"{KEY}: the same rows were launched before: this is that launch. "
            "It is run 01234567, queued at place 1 of 1.",
        ),
        (
            row("waiting", "cards: 2024-02 of the mart is to be built."),
            f"{KEY} is waiting: cards: 2024-02 of the mart is to be built. Its launch begins by itself then.",
        ),
    ],
)
def test_submit_ends_with_a_clear_answer(home, monkeypatch, capsys, last, told):
    submit(home, monkeypatch, Intake((OLD, None), (NEW, row("settling", content="")), (NEW, last)))
    assert told in capsys.readouterr().out


def test_submit_of_what_is_refused_ends_with_the_reason(home, monkeypatch, capsys):
    with pytest.raises(SystemExit) as left:
        submit(home, monkeypatch, Intake((OLD, None), (NEW, row("refused", "a wrong setting", content=""))))
    assert left.value.code == 1
    assert f"{KEY} is refused: a wrong setting" in capsys.readouterr().err


@pytest.mark.parametrize("waits_in", ["follow", "await_answer"])
def test_submit_that_waits_tells_a_stop_of_the_platform_from_a_failure(home, monkeypatch, capsys, waits_in):
    def stopped(*_):
        raise NotRunningError("nothing answers")

    monkeypatch.setattr(f"anna_cli.commands.submit.{waits_in}", stopped)
    with pytest.raises(SystemExit) as left:
        submit(home, monkeypatch, Intake((OLD, None), (NEW, row("launched", run="r2"))), "--wait")
    assert left.value.code == 75
    assert capsys.readouterr().err.splitlines() == [
        f"ANNA was stopped, so the launch of {KEY} is interrupted; it did not fail. After the next `anna up` it "
        f"goes on by itself, from what was finished: `anna status {KEY}`."
    ]


def test_submit_tells_the_warnings(home, monkeypatch, capsys):
    last = upload_row(KEY, "launched", content="c1", run="r2", warnings="half of the clients match nothing")
    submit(home, monkeypatch, Intake((OLD, None), (NEW, last)))
    assert "Warning: half of the clients match nothing" in capsys.readouterr().out


def test_submit_tells_what_was_noted_and_from_when_it_may_be_left(home, monkeypatch, capsys):
    note = "What q1.yaml said of the earlier sample no longer holds: seed: 7."
    last = upload_row(KEY, "launched", content="c1", run="r2", warnings=f"{note}\nhalf of the clients match nothing")
    submit(home, monkeypatch, Intake((OLD, None), (OLD, None), (NEW, last), notes=[note], earlier=["QUEUED"]))
    told = capsys.readouterr().out
    assert told.count(f"Warning: {note}") == 1
    assert "Warning: half of the clients match nothing" in told
    assert told.count("Ctrl-C ends this command alone") == 1
    assert told.index("is queued for a free place") < told.index("Ctrl-C ends this command alone")
    submit(home, monkeypatch, Intake((OLD, None), (NEW, row("launched", run="r1")), notes=[note]))
    assert f"Warning: {note}" in capsys.readouterr().out  # of a launch there was before the table says nothing
