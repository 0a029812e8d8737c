"""The command itself: quick help, errors as paragraphs, samples that are submitted."""

import subprocess
import sys

import pytest

from anna_cli import samples
from anna_cli.graphql import GraphQLClient
from anna_cli.main import COMMANDS, anna, main
from anna_cli.samples import SubmitError, await_launch, key_of, locate, registration
from anna_cli.supervisor.ports import free_port
from anna_core.errors import KeyNameError, SampleError
from anna_tests.unit.test_cli_stub import Stub, identified, serving

KEY = "churn.2024q1"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ANNA_HOME", str(tmp_path))
    monkeypatch.setenv("ANNA_WEBSERVER_PORT", str(free_port()))
    return tmp_path


def exit_code(*arguments):
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    return left.value.code


def test_help_imports_nothing_slow():
    code = (
        "import sys; from anna_cli.main import anna; anna(['--help'], standalone_mode=False); "
        "slow = {'dagster', 'pydantic', 'requests', 'polars', 'torch', 'mlflow', 'anna_assets'} & sys.modules.keys(); "
        "assert not slow, slow"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in COMMANDS)


def test_no_command_imports_dagster_or_the_assets():
    code = (
        "import sys; from anna_cli.main import COMMANDS, anna; "
        "[anna.get_command(None, name) for name in COMMANDS]; "
        "heavy = {'dagster', 'anna_assets', 'torch', 'mlflow'} & sys.modules.keys(); assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name, capsys):
    assert anna.main([name, "--help"], prog_name="anna", standalone_mode=False) == 0
    assert "Usage: anna" in capsys.readouterr().out


def test_a_file_that_may_not_be_written_is_told_by_its_name(monkeypatch, capsys):
    def refuse(_):
        raise PermissionError(13, "Permission denied", "/mnt/bank[1]")

    monkeypatch.setattr("anna_cli.commands.init.make_deployment", refuse)
    assert exit_code("init") == 1
    told = capsys.readouterr().err
    assert "/mnt/bank[1]: this user has no right to it (Permission denied). Give the right," in told
    assert "Traceback" not in told


def test_what_is_no_files_fault_keeps_its_traceback(monkeypatch):
    def refuse(_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("anna_cli.commands.init.make_deployment", refuse)
    with pytest.raises(PermissionError, match="Operation not permitted"):
        main(["init"])


def test_paths_are_told_as_they_are(tmp_path, capsys):
    main_home = tmp_path / "bank[red]1"
    anna.main(["init", str(main_home)], prog_name="anna", standalone_mode=False)
    assert f"made      {main_home}/anna.yaml" in capsys.readouterr().out


def test_a_problem_is_one_paragraph_without_a_traceback(capsys):
    assert exit_code("status", KEY) == 1
    told = capsys.readouterr().err
    assert told.startswith("ANNA is not running at http://127.0.0.1:")
    assert "Traceback" not in told


def test_wrong_usage_has_its_own_exit_code(capsys):
    assert exit_code("submit") == 2
    assert exit_code("nonsense") == 2


def test_home_is_taken_from_the_command_line(tmp_path, capsys):
    main(["--home", str(tmp_path / "there"), "init"])
    assert (tmp_path / "there" / "anna.yaml").is_file()


def test_a_file_is_sent_by_its_absolute_path(home, monkeypatch):
    (home / "2024q1.csv").write_text("x")
    monkeypatch.chdir(home)
    assert locate("2024q1.csv") == str(home / "2024q1.csv")
    assert locate("s3://bank/2024q1.parquet") == "s3://bank/2024q1.parquet"
    with pytest.raises(SampleError, match="no such file"):
        locate("2024q2.csv")


def test_the_key_is_made_of_the_task_and_the_files_stem():
    assert str(key_of("/x/2024q1.csv", "churn", None)) == KEY
    assert str(key_of("s3://bank/y.parquet", "churn", "2024q1")) == KEY
    with pytest.raises(KeyNameError):
        key_of("/x/my sample.csv", "churn", None)


def test_what_was_left_open_is_left_out_of_the_run():
    params = registration("/x/2024q1.csv", "churn", None, {})
    (op,) = params["runConfigData"]["ops"].values()
    assert op["config"] == {"file": "/x/2024q1.csv", "task": "churn"}
    assert params["selector"] == {
        "repositoryLocationName": "anna", "repositoryName": "__repository__", "jobName": "register_sample",
    }  # fmt: skip
    (op,) = registration("/x", "churn", "s", {"seed": 1})["runConfigData"]["ops"].values()
    assert op["config"] == {"file": "/x", "task": "churn", "sample": "s", "options": {"seed": 1}}


def test_submit_starts_the_job_and_tells_how_to_watch(home, monkeypatch, capsys):
    (home / "2024q1.csv").write_text("x")
    launched = {"__typename": "LaunchRunSuccess", "run": {"runId": "r1"}}
    monkeypatch.setenv("ANNA_HOME", str(home / "submit"))
    answers = {"Identity": identified(home / "submit"), "LaunchRun": {"data": {"launchRun": launched}}}
    with serving(Stub(**answers)) as stub:
        monkeypatch.setenv("ANNA_WEBSERVER_PORT", stub.url.rsplit(":", 1)[1])
        main(["submit", str(home / "2024q1.csv"), "--task", "churn", "--option", "training.epochs=5"])
    _, (_, variables) = stub.calls
    (op,) = variables["params"]["runConfigData"]["ops"].values()
    assert op["config"]["options"] == {"training": {"epochs": 5}}
    told = capsys.readouterr().out
    assert f"anna status {KEY}" in told
    assert "/runs/r1" in told


class Intake:
    """An instance's answers while a sample is taken in."""

    def __init__(self, status="SUCCESS", tick=None, launched_after=None, launched_before=False, on=True):
        self.status, self.tick, self.on = status, tick, on
        self.launched_after, self.launched_before, self.asked = launched_after, launched_before, 0

    def runs(self, variables):
        if "runIds" in variables["filter"]:
            found = [{"runId": "r1", "status": self.status}]
        elif not variables["filter"]["createdAfter"]:
            found = [{"runId": "r0"}] if self.launched_before else []
        else:
            self.asked += 1
            found = [{"runId": "r2"}] if self.launched_after is not None and self.asked > self.launched_after else []
        return {"data": {"runsOrError": {"__typename": "Runs", "results": found}}}

    def wait(self, monkeypatch, patience=10.0):
        monkeypatch.setattr(samples, "PATIENCE_SECONDS", patience)
        state = {"status": "RUNNING" if self.on else "STOPPED", "ticks": [self.tick] if self.tick else []}
        event = {"__typename": "ExecutionStepFailureEvent", "stepKey": "upload", "message": "",
                 "error": {"message": "SampleError: no column as_of", "className": "SampleError"}}  # fmt: skip
        stub = Stub(
            RunStates=self.runs,
            Sensor={"data": {"sensorOrError": {"__typename": "Sensor", "sensorState": state}}},
            Events={"data": {"logsForRun": {
                "__typename": "EventConnection", "cursor": "c", "hasMore": False, "events": [event]}}},
        )  # fmt: skip
        reasons = []
        with serving(stub):
            found = await_launch(GraphQLClient(stub.url), "r1", KEY, 50.0, reasons.append, sleep=lambda seconds: None)
        return found, reasons


def tick(reason="", error=None):
    return {"status": "SKIPPED", "timestamp": 1.0, "skipReason": reason, "error": error}


def test_waiting_ends_when_the_launch_appears(monkeypatch):
    found, reasons = Intake(launched_after=2).wait(monkeypatch)
    assert found == 50.0
    assert reasons == ["the launch is about to begin"] * 2


def test_a_sample_that_waits_for_marts_is_waited_for_with_the_reason(monkeypatch):
    told = "1 samples wait until the marts are fresh: card: 3 of 24 months"
    found, reasons = Intake(tick=tick(told), launched_after=9).wait(monkeypatch)
    assert found == 50.0
    assert reasons == [told] * 9


def test_the_same_content_leads_to_the_launch_before(monkeypatch):
    found, _ = Intake(tick=tick("No new sample"), launched_before=True).wait(monkeypatch)
    assert found == 0.0


def test_a_refused_sample_tells_why(monkeypatch):
    with pytest.raises(SubmitError, match=r"churn\.2024q1 was not taken in: no column as_of"):
        Intake(status="FAILURE").wait(monkeypatch)


def test_silence_is_told_with_the_sensors_last_words(monkeypatch):
    with pytest.raises(SubmitError, match=r"no launch began.*No new sample"):
        Intake(tick=tick("No new sample")).wait(monkeypatch)
    with pytest.raises(SubmitError, match="boom"):
        Intake(tick=tick(error={"message": "boom"})).wait(monkeypatch)
    with pytest.raises(SubmitError, match="has not looked yet"):
        Intake().wait(monkeypatch)


def test_a_sensor_that_is_off_is_told(monkeypatch):
    with pytest.raises(SubmitError, match="switch it on"):
        Intake(on=False).wait(monkeypatch)
