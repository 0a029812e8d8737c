"""The command itself: quick help, errors as paragraphs."""

import datetime as dt
import io
import os
import re
import subprocess
import sys

import pytest

from anna_cli.console import CONSOLE, print_any_sign
from anna_cli.main import COMMANDS, anna, main
from anna_cli.supervisor.ports import free_port
from anna_resources import settings
from anna_resources.blueprint import Blueprint
from anna_resources.ledger.champions import Champions
from anna_resources.ledger.roles import Ask, Turn
from anna_resources.names import RETRY_TAG, WILL_RETRY_TAG
from anna_resources.upkeep.pruning import Line, Pruning
from anna_tests.unit.cli_stub import Stub, assets, identified, sensors, serving, uploads_answer

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


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("ascii", rb"ok \u0413\u043e\u0440\u043e\u0434 -> a... \udcff"),
        ("cp1251", "ok Город -> a… \\udcff".encode("cp1251")),
        ("utf-8", "✓ Город → a… \\udcff".encode()),
    ],
)
def test_signs_that_the_terminal_does_not_know_stop_no_command(monkeypatch, encoding, told):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding))
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), encoding))
    print_any_sign()
    CONSOLE.print("✓ Город → a… \udcff", soft_wrap=True)
    sys.stdout.flush()
    assert written.getvalue().strip() == told


def test_a_terminal_of_plain_signs_sees_what_the_doctor_finds(home):
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "anna_cli.main", "--home", str(home / "gone"), "doctor"]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == 1
    assert f"NO {home / 'gone'} does not exist\n  -> make the deployment".encode() in done.stdout
    assert done.stderr == b""


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


def status_of(home, monkeypatch, capsys, **answers):
    """What `anna status --once` prints of a platform without sensors, sources and uploads, but for these answers."""
    no_runs = {"data": {"runsOrError": {"__typename": "Runs", "results": []}}}
    answers = {
        "Runs": no_runs, "Uploads": uploads_answer(), "Identity": identified(home), "AssetKeys": assets(),
        "Sensors": sensors(), "Backfills": {"data": {"partitionBackfillsOrError": {"__typename": "PartitionBackfills",
        "results": []}}},
    } | answers  # fmt: skip
    with serving(Stub(**answers)) as stub:
        monkeypatch.setenv("ANNA_WEBSERVER_PORT", stub.url.rpartition(":")[2])
        settings._load.cache_clear()
        assert anna.main(["status", "--once"], prog_name="anna", standalone_mode=False) is None
    return capsys.readouterr().out


def test_status_tells_of_sensors_that_fail_or_are_off_what_their_page_says(home, monkeypatch, capsys):
    cause = {"message": "PermissionError: [Errno 13] Permission denied: '/srv/inbox'\n", "className": "PermissionError"}
    error = {"message": "Error occurred during the execution of evaluation_fn", "className": "X", "cause": cause}
    failed = [{"status": "STARTED", "error": None}, {"status": "FAILURE", "error": error}]
    fine = [{"status": "SKIPPED", "error": None}]
    found = sensors(inbox=failed, sources=fine, outbox=None)
    _, *told = status_of(home, monkeypatch, capsys, Sensors=found).splitlines()  # the first is of the domains' folder
    assert told[:2] == [
        "The sensor 'inbox' fails, so what is told below may be out of date: [Errno 13] Permission denied: "
        "'/srv/inbox'",
        "The sensor 'outbox' is off: switch it on in the UI under Automation.",
    ]
    assert not any("sources" in line for line in told)


def test_status_tells_how_far_backfills_are(home, monkeypatch, capsys):
    going = {"__typename": "PartitionBackfills", "results": [{"id": "b1", "title": "retro-scores of churn.q1"}]}
    counts = {
        "__typename": "AssetPartitionsStatusCounts", "assetKey": {"path": ["retro", "scores"]},
        "numPartitionsTargeted": 6, "numPartitionsMaterialized": 2, "numPartitionsInProgress": 1,
        "numPartitionsFailed": 0,
    }  # fmt: skip
    one = {
        "__typename": "PartitionBackfill", "id": "b1", "status": "REQUESTED", "error": None,
        "assetBackfillData": {"assetBackfillStatuses": [counts]},
    }  # fmt: skip
    answers = {
        "Backfills": {"data": {"partitionBackfillsOrError": going}},
        "Backfill": {"data": {"partitionBackfillOrError": one}},
    }
    told = status_of(home, monkeypatch, capsys, **answers)
    assert "Backfill retro-scores of churn.q1: retro/scores 2/6" in told


def run_states(*runs):
    """Answers to the questions for a run's state, one after the other; the last goes on."""
    left = list(runs)

    def answer(_):
        status, tags = left.pop(0) if len(left) > 1 else left[0]
        run = {"runId": "r1", "jobName": "promote", "status": status, "creationTime": 0}
        run["tags"] = [{"key": key, "value": value} for key, value in tags.items()]
        return {"data": {"runsOrError": {"__typename": "Runs", "results": [run]}}}

    return answer


def pressed(home, monkeypatch, *arguments, **answers):
    """Press against a stub; what it was asked, and the exit code."""
    monkeypatch.setattr("anna_cli.job_runs._POLL_SECONDS", 0.01)
    answers = {
        "Identity": identified(home),
        "LaunchRun": {"data": {"launchRun": {"__typename": "LaunchRunSuccess", "run": {"runId": "r1"}}}},
        "RunStates": run_states(("STARTED", {}), ("SUCCESS", {})),
    } | answers
    stub, code = Stub(**answers), 0
    with serving(stub):
        monkeypatch.setenv("ANNA_WEBSERVER_PORT", stub.url.rpartition(":")[2])
        settings._load.cache_clear()
        try:
            main(list(arguments))
        except SystemExit as left:
            code = left.code
    return stub, code


def test_a_press_says_what_the_form_of_the_launchpad_says(home, monkeypatch, capsys):
    said = ("--why", "good", "--who", " Anna  I. ", "--override", "not_worse=it knew them = all")
    stub, code = pressed(home, monkeypatch, "promote", "churn.q1@2", *said)
    assert code in (0, None)
    [params] = [variables["params"] for name, variables in stub.calls if name == "LaunchRun"]
    assert params["selector"]["jobName"] == "promote"
    assert params["runConfigData"]["ops"]["champion"]["config"] == {
        "press": "PROMOTE", "who": "Anna I.", "why": "good", "tag": "churn.q1@2",
        "override": {"not_worse": "it knew them = all"},
    }  # fmt: skip
    assert {"key": "dagster/partition", "value": "churn"} in params["executionMetadata"]["tags"]
    assert "churn: no champion yet." in capsys.readouterr().out


def test_prune_shows_what_goes_and_removes_it_only_when_told_to(home, monkeypatch, capsys):
    lines = [Line(what="launches", number=1_234, size=5 * 2**30), Line(what="versions", number=0, size=0)]
    for arguments, is_done in (("prune",), False), (("prune", "--yes"), True):
        told = Pruning(
            run="r1", at=dt.datetime.now(tz=dt.UTC), is_done=is_done, lines=lines, notes=["A note."], disk={}
        )
        told.keep(home / "storage")
        stub, code = pressed(home, monkeypatch, *arguments)
        assert code in (0, None)
        [params] = [variables["params"] for name, variables in stub.calls if name == "LaunchRun"]
        assert params["selector"]["jobName"] == "prune"
        assert params["runConfigData"] == {"ops": {"prune_what_is_old": {"config": {"do": is_done}}}}
        said = capsys.readouterr().out
        assert re.search(r"launches +1,234 +5\.0GiB", said)
        assert "A note." in said
        assert ("Nothing was removed; `anna prune --yes` does it." in said) is not is_done
    told.model_copy(update={"run": "another"}).keep(home / "storage")
    _, code = pressed(home, monkeypatch, "prune")
    assert code == 1
    assert "The run r1 left no word, as another one came after it" in capsys.readouterr().err


def test_a_press_that_is_refused_ends_with_the_run_s_words(home, monkeypatch, capsys):
    failed = {"data": {"logsForRun": {"__typename": "EventConnection", "cursor": "", "hasMore": False, "events": [
        {"__typename": "ExecutionStepFailureEvent", "timestamp": "0", "stepKey": "champion", "message": "",
         "error": {"message": "x", "className": "Failure", "cause": {
            "message": "anna_assets.production.champion_asset.PressError: it does not pass stable\n",
            "className": "PressError"}}}]}}}  # fmt: skip
    states = run_states(("FAILURE", {}), ("FAILURE", {WILL_RETRY_TAG: "false"}))
    _, code = pressed(home, monkeypatch, "rollback", "churn", "--why", "bad", RunStates=states, Events=failed)
    assert code == 1
    assert "it does not pass stable" in capsys.readouterr().err


def test_a_press_whose_run_is_tried_again_is_followed_though_dagster_says_so_a_moment_later(home, monkeypatch, capsys):
    states = run_states(
        ("FAILURE", {}), ("FAILURE", {WILL_RETRY_TAG: "true"}), ("FAILURE", {WILL_RETRY_TAG: "true", RETRY_TAG: "r2"}),
        ("SUCCESS", {}),
    )  # fmt: skip
    stub, code = pressed(home, monkeypatch, "promote", "churn.q1", "--why", "good", RunStates=states)
    assert code in (0, None)
    asked = [variables["filter"]["runIds"] for name, variables in stub.calls if name == "RunStates"]
    assert asked == [["r1"], ["r1"], ["r1"], ["r2"]]


@pytest.mark.parametrize(
    ("does", "told"), [("make", "churn: churn.q1 is champion since"), ("ask", "anna asks for churn.q1 (2024-04-01")]
)
def test_a_press_whose_run_was_killed_after_its_work_was_done_is_told_as_done(home, monkeypatch, capsys, does, told):
    now = dt.datetime(2024, 4, 1, tzinfo=dt.UTC)
    ask = Ask(
        tag="churn.q1", turn=Turn.PROMOTED, asked_by="anna", asked_at=now, why="good", gates={}, overridden={},
        instead_of="", newest="churn.q1",
    )  # fmt: skip
    getattr(Champions.of(settings.load_settings()), does)(ask, "r1")
    no_events = {"__typename": "EventConnection", "cursor": "", "hasMore": False, "events": []}
    answers = {
        "RunStates": run_states(("FAILURE", {}), ("FAILURE", {WILL_RETRY_TAG: "false"})),
        "Events": {"data": {"logsForRun": no_events}},
    }
    _, code = pressed(home, monkeypatch, "promote", "churn.q1", "--why", "good", **answers)
    assert code in (0, None)
    assert told in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("promote", "churn", "--why", "x"), "'churn' is not a sample's key"),
        (("promote", "churn.q1"), "Missing option '--why'"),
        (("approve", "churn.q1", "--why", "x"), "'churn.q1' cannot name a task"),
        (("promote", "churn.q1", "--why", "x", "--override", "stable"), "'stable': write GATE=WHY"),
        (("promote", "churn.q1", "--why", "x", "--who", " "), "`who` is missing"),
        (("scores", "churn"), "churn has no scores yet"),
        (("scores", "churn", "--as-of", "2024-04"), "write the first day after a month"),
    ],
)
def test_what_is_wrong_with_a_press_is_told_at_once(home, monkeypatch, capsys, arguments, told):
    _, code = pressed(home, monkeypatch, *arguments)
    assert code in (1, 2)
    assert told in " ".join(capsys.readouterr().err.split())


def test_status_names_a_domain_file_that_cannot_be_used(home, monkeypatch, capsys):
    (home / "domains").mkdir()
    (home / "domains" / "cards.yaml").write_text("source: {path: x}\nfields: {mcc: categorical}\n")
    Blueprint.read(settings.load_settings())  # as the code server does when it loads the definitions
    (home / "domains" / "cards.yaml").rename(home / "domains" / "loans.yaml")
    (home / "domains" / "draft.yaml").write_text("source: {path: wareh")
    told = status_of(home, monkeypatch, capsys)
    assert "draft.yaml, line 1: cannot be read as YAML" in told
    assert "Until that is corrected, draft is left out." in told
    assert f"In {home / 'domains'} cards, loans changed, came or went since the definitions were loaded" in told
    assert "No upload or launch yet." in told


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


def test_a_deployment_without_a_domain_is_not_started(home, capsys, monkeypatch):
    for variable in ("ANNA_WEBSERVER_PORT", "ANNA_MLFLOW_PORT"):  # a platform may be running on this machine
        monkeypatch.setenv(variable, str(free_port()))
    anna.main(["init", str(home)], prog_name="anna", standalone_mode=False)
    assert exit_code("up") == 1
    told = " ".join(capsys.readouterr().err.split())
    assert "no domain file (*.yaml) here. Copy example.yaml.txt" in told
    assert list((home / "logs").iterdir()) == []


def test_wrong_usage_has_its_own_exit_code(capsys):
    assert exit_code("submit") == 2
    assert exit_code("nonsense") == 2


def test_home_is_taken_from_the_command_line(tmp_path, capsys):
    main(["--home", str(tmp_path / "there"), "init"])
    assert (tmp_path / "there" / "anna.yaml").is_file()
