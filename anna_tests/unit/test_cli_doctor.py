"""`anna doctor`: what it finds in a good deployment and in broken ones."""

import datetime as dt
import os
import re
import shutil
import socket
import subprocess
import sys

import polars as pl
import pytest
from click.testing import CliRunner

from anna_cli.checks import deployment, instance, sources
from anna_cli.checks.deployment import check_domains, check_home
from anna_cli.checks.findings import Verdict
from anna_cli.checks.instance import check_instance
from anna_cli.checks.ledger import check_ledger
from anna_cli.checks.upkeep import check_upkeep
from anna_cli.commands import doctor as command
from anna_cli.commands.doctor import doctor
from anna_cli.deployment_folder import make_deployment
from anna_cli.supervisor.leftovers import MARK
from anna_cli.supervisor.ports import free_port
from anna_cli.supervisor.services import write_workspace
from anna_core import storage
from anna_core.domains import FieldKind, read_domains
from anna_resources.blueprint import Blueprint
from anna_resources.ledger.ledger import Ledger
from anna_resources.ledger.repository import Change
from anna_resources.settings import load_settings
from anna_resources.tracking.outbox import Outbox, RunReport
from anna_resources.upkeep.pruning import Pruning
from anna_tests.unit.cli_stub import Stub, assets, identified, sensors, serving


@pytest.fixture
def settings(tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("ANNA_HOME", str(home))
    monkeypatch.setenv("ANNA_WEBSERVER_PORT", str(free_port()))
    monkeypatch.setenv("ANNA_MLFLOW_PORT", str(free_port()))
    make_deployment(home, simulated=True)
    for name, domain in read_domains(home / "domains").domains.items():
        table = home / "warehouse" / name / "part.parquet"
        table.parent.mkdir(parents=True)
        values = {FieldKind.CATEGORICAL: "x", FieldKind.NUMERIC: 1.5, FieldKind.BOOLEAN: True}
        row = {"client_id": 17, "event_time": dt.datetime(2024, 3, 5), "event_id": 1}
        row |= {field: values[kind] for field, kind in domain.fields.items()}
        pl.DataFrame([row] * 20).write_parquet(table)
    return load_settings()


def wrong(findings):
    return [(finding.text, finding.cure) for finding in findings if finding.verdict is Verdict.BAD]


def warnings(findings):
    return [finding.text for finding in findings if finding.verdict is Verdict.WARNING]


@pytest.fixture
def roomy(monkeypatch):
    """A machine with memory and disk to spare, whatever this one has."""
    monkeypatch.setattr(command, "check_memory", lambda: iter(()))
    monkeypatch.setattr(command, "check_disk", lambda folder: iter(()))


def test_a_good_deployment_is_well(settings, roomy):
    result = CliRunner().invoke(doctor)
    assert result.exit_code == 0, result.output
    assert "✗" not in result.output
    assert "All is well." in result.output


def test_a_ledger_that_was_rewritten_and_a_machine_without_git_are_told(settings, monkeypatch):
    ((before),) = check_ledger(settings)
    assert re.fullmatch(rf"git version \S+; the ledger {settings.home}/ledger holds 0 launches", before.text)
    repository = Ledger.of(settings).repository
    repository.commit("main", lambda head: Change({"a": "1"}, "One", tag="churn.q1"))
    ((after),) = check_ledger(settings)
    assert after.text.endswith("holds 1 launch")
    shutil.rmtree(repository.folder)
    ((text, _),) = wrong(check_ledger(settings))
    assert f"The ledger {repository.folder} is gone" in text
    monkeypatch.setenv("PATH", "/nowhere")
    ((text, _),) = wrong(check_ledger(settings))
    assert "needs the program git, which is not on the PATH: install it" in text


def test_what_the_latest_upkeep_found_is_told(settings):
    assert list(check_upkeep(settings)) == []  # there was none
    at = dt.datetime(2024, 3, 5, tzinfo=dt.UTC)
    disk = {"model": 2**20, "mart": 5 * 2**20, "a": 1, "b": 2, "c": 3}
    Pruning(run="r", at=at, is_done=True, lines=[], notes=["x could not be removed: busy"], disk=disk).keep(
        settings.storage
    )
    found, left = check_upkeep(settings)
    assert found.verdict is Verdict.GOOD
    assert found.text.startswith("the storage held 6.0MiB on 2024-03-05 (mart 5.0MiB, model 1.0MiB, c 3B, b 2B); ")
    assert left.verdict is Verdict.WARNING
    assert left.text == "upkeep of 2024-03-05: x could not be removed: busy"


def test_a_broken_domain_names_the_file_the_field_and_the_cure(settings):
    file = settings.domains / "card_transactions.yaml"
    file.write_text("source: {path: warehouse/card_transactions}\nfields: {amount: number}\nlag: 1d\n")
    ((text, cure),) = wrong(check_domains(settings))
    assert str(file) in text
    assert "fields.amount" in text
    assert "lag: is not a known setting" in text
    assert cure == f"correct {file}"
    assert CliRunner().invoke(doctor).exit_code == 1


def test_a_domain_whose_file_broke_goes_on_as_it_was(settings):
    Blueprint.read(settings)  # as the code server does when it loads the definitions
    file = settings.domains / "card_transactions.yaml"
    file.write_text("source: {path: wareh")
    ((text, cure),) = wrong(check_domains(settings))
    assert text.startswith(f"{file}, line 1: cannot be read as YAML: while parsing a flow mapping ")
    assert text.endswith("Until that is corrected, card_transactions is used as its file was before.")
    assert cure == f"correct {file}"


def test_domains_of_which_none_can_be_used_are_told(settings):
    for file in settings.domains.glob("*.yaml"):
        file.write_text("")
    ((text, _),) = wrong(check_domains(settings))
    assert text.startswith("no domain can be used. ")
    assert text.count("found NoneType") == 3


def test_a_source_that_is_not_there_is_found(settings):
    (settings.home / "warehouse" / "credit_history" / "part.parquet").unlink()
    ((text, cure),) = wrong(check_domains(settings))
    assert "credit_history" in text
    assert "empty folder" in text
    (settings.home / "warehouse" / "credit_history").rmdir()
    ((text, cure),) = wrong(check_domains(settings))
    assert "is not there" in text
    assert "source.path in credit_history.yaml" in cure


def rewrite(settings, name, **columns):
    path = settings.home / "warehouse" / name / "part.parquet"
    pl.read_parquet(path).with_columns(**columns).write_parquet(path)


def test_columns_and_types_of_a_source_are_looked_at(settings):
    rewrite(settings, "credit_history", balance=pl.lit("1.234,50"))
    rewrite(settings, "card_transactions", client_id=17.0)
    (first, cure), (second, _) = wrong(check_domains(settings))
    assert "column 'client_id' is Float64, but clients are text or whole numbers" in first
    assert cure == "it would be refused when the source is observed or its mart is built"
    assert (
        "balance is written with separate thousands or a decimal comma in 20 of them (part.parquet, row 1: '1.234,50'"
        in second
    )
    assert "the decimal sign is a point" in second


def test_rows_of_a_csv_that_are_not_as_wide_as_its_header_are_found(settings):
    table = settings.home / "warehouse" / "credit_history"
    pl.read_parquet(table / "part.parquet").write_csv(table / "part.csv")
    (table / "part.parquet").unlink()
    with (table / "part.csv").open("a") as file:
        file.write("18,2024-03-06\n")
    domain = settings.domains / "credit_history.yaml"
    domain.write_text(domain.read_text().replace("format: parquet", "format: csv"))
    ((text, _),) = wrong(check_domains(settings))
    assert "part.csv, line 22: 2 fields below a header of" in text


def test_a_missing_column_is_told_with_those_there_are(settings):
    path = settings.home / "warehouse" / "credit_history" / "part.parquet"
    pl.read_parquet(path).rename({"status": "state"}).write_parquet(path)
    ((text, _),) = wrong(check_domains(settings))
    assert "no column ['status']; it has ['client_id'" in text


def test_few_odd_rows_and_files_that_are_not_read_are_warnings(settings, roomy):
    rewrite(settings, "credit_history", client_id=pl.when(pl.int_range(pl.len()) == 3).then(None).otherwise(17))
    (settings.home / "warehouse" / "credit_history" / "more.xlsx").touch()
    assert warnings(check_domains(settings)) == [
        "domain credit_history: client_id is missing in 1 of the first 20 rows (part.parquet, row 4)",
        "domain credit_history: 1 file is not read: more.xlsx does not end in .parquet, .parq, .pq",
    ]
    result = CliRunner().invoke(doctor)
    assert result.exit_code == 0
    assert result.output.splitlines()[-1] == "2 warnings."


def test_odd_values_are_told_with_their_places_in_the_newest_file_that_has_them(settings):
    table = settings.home / "warehouse" / "credit_history"
    sound = pl.read_parquet(table / "part.parquet").with_columns(pl.all().cast(pl.String))
    at = pl.int_range(pl.len())
    odd = pl.when(at.is_in([2, 7])).then(pl.lit("05.03.2024")).otherwise("event_time").alias("event_time")
    sound.with_columns(odd).write_csv(table / "old.csv")
    sound.with_columns(odd, balance=pl.when(at == 4).then(pl.lit("12.50 EUR"))).write_csv(table / "new.csv")
    os.utime(table / "old.csv", (1e9, 1e9))
    (table / "part.parquet").unlink()
    domain = settings.domains / "credit_history.yaml"
    domain.write_text(domain.read_text().replace("format: parquet", "format: csv"))
    found = [f for f in check_domains(settings) if f.verdict is Verdict.WARNING]
    assert [(finding.text, finding.cure) for finding in found] == [
        (
            "domain credit_history: event_time is no time in 4 of the first 40 rows (new.csv, line 4: '05.03.2024', "
            "new.csv, line 9: '05.03.2024')",
            "write times as 2024-03-31 12:00:00, or 2024-03-31 for a day",
        ),
        (
            "domain credit_history: balance is no number in 1 of the first 40 rows (new.csv, line 6: '12.50 EUR')",
            "no unit or currency beside it: write numbers as 1234.5",
        ),
    ]


def test_a_column_that_some_files_lack_is_named_with_them(settings):
    path = settings.home / "warehouse" / "credit_history" / "part.parquet"
    pl.read_parquet(path).drop("status").write_parquet(path.with_name("b_no_status.parquet"))
    pl.DataFrame().write_parquet(path.with_name("c_empty.parquet"))
    (told,) = warnings(check_domains(settings))
    assert told == (
        "domain credit_history: column 'status' is not in 1 of 3 files (b_no_status.parquet), and counts as missing in "
        "all their rows"
    )


def test_sources_that_write_the_same_clients_otherwise_are_told(settings):
    ids = [str(number) for number in range(20)]
    rewrite(settings, "card_transactions", client_id=pl.Series(ids).str.zfill(5))
    rewrite(settings, "credit_history", client_id=pl.Series(range(20)))
    rewrite(settings, "account_transactions", client_id=pl.Series(range(20)))
    broken = settings.home / "warehouse" / "credit_history" / "broken.parquet"
    broken.write_bytes(b"PAR1, but no more")
    told = [text for text in warnings(check_domains(settings)) if "write clients" in text]
    assert [text.partition(":")[0] for text in told] == [
        "card_transactions and account_transactions write clients in different ways",
        "credit_history and card_transactions write clients in different ways",
    ]
    assert "leading zeros are lost in one of the two (20 of 20" in told[0]
    assert "card_transactions has 00000, 00001, 00002; account_transactions has 0, 1, 10." in told[0]


def test_files_of_a_source_that_write_the_same_clients_otherwise_are_told_once(settings):
    folder = settings.home / "warehouse" / "credit_history"
    ids = pl.Series([f"ab{number}" for number in range(20)])
    rewrite(settings, "credit_history", client_id=ids.str.to_uppercase())
    part = folder / "part.parquet"
    rows = pl.read_parquet(part)
    for age, other in enumerate((ids, pl.Series([f"new{number}" for number in range(20)]), ids), start=1):
        rows.with_columns(client_id=other).write_parquet(folder / f"{age}.parquet")
        os.utime(folder / f"{age}.parquet", (1_700_000_000 - age,) * 2)
    told = [text for text in warnings(check_domains(settings)) if "domain credit_history" in text]
    assert len(told) == 1
    assert told[0].startswith(
        f"domain credit_history: {part} and {folder / '1.parquet'} write clients in different ways: letters are "
        "capitals in one of the two and small in the other (20 of 20"
    )


def test_a_source_that_nobody_foresaw_stops_no_comparison_of_the_others(settings, monkeypatch):
    def first_clients(source, newest):
        if source.domain.name == "credit_history":
            raise RuntimeError("a library's own")
        return found(source, newest)

    found = sources.first_clients
    monkeypatch.setattr(sources, "first_clients", first_clients)
    ids = pl.Series([str(number) for number in range(20)])
    rewrite(settings, "card_transactions", client_id=ids.str.zfill(5))
    rewrite(settings, "account_transactions", client_id=ids)
    (told,) = warnings(check_domains(settings))
    assert told.startswith("card_transactions and account_transactions write clients in different ways: leading zeros")


def test_a_domain_whose_source_is_gone_has_one_line_and_no_tick(settings):
    (settings.home / "warehouse" / "credit_history" / "part.parquet").unlink()
    lines = [(f.verdict, f.text) for f in check_domains(settings) if "domain credit_history" in f.text]
    assert [verdict for verdict, _ in lines] == [Verdict.BAD]


def test_a_domain_file_whose_name_is_no_name_is_told_once(settings):
    file = settings.domains / "Bad-Name.yaml"
    file.write_text((settings.domains / "credit_history.yaml").read_text())
    ((text, _),) = wrong(check_domains(settings))
    assert text == (
        f"{file}: 'Bad-Name' cannot name a domain: begin with a lower-case Latin letter, then up to 40 lower-case "
        "Latin letters, digits or '_'. Rename the file. Until that is corrected, Bad-Name is left out."
    )


def damage(file, content):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"\0" * 100])
def test_damaged_files_of_annas_own_are_told_with_what_to_do(settings, content):
    damage(settings.storage / "source" / "credit_history" / "fingerprints.json", content)
    damage(settings.storage / "dictionary" / "card_transactions" / "dictionary.parquet", content)
    damage(settings.home / "deployment.id", content)
    damage(settings.blueprint / "first_month", content)
    damage(settings.storage / "uploads" / "register.json", content)
    found = list(check_domains(settings))
    told = {text for text, _ in wrong(found)}
    for begin, cure in (
        (f"{settings.home}/deployment.id: this is not the id of a deployment", "remove the file"),
        (f"{settings.blueprint}/first_month: ", "Remove the file"),
        (f"{settings.storage}/source/credit_history/fingerprints.json: cannot be read", "remove it"),
        (f"domain card_transactions: the dictionary {settings.storage}/dictionary", "Put back the newest copy"),
    ):
        (text,) = (text for text in told if text.startswith(begin))
        told.remove(text)
        assert cure in text
    assert not told
    (register,) = warnings(found)
    assert re.match(
        r".*/register\.json: cannot be read \(Invalid JSON: [^)\n]*\); the sensor `inbox` sets it", register
    )


def test_a_file_of_annas_own_that_the_system_does_not_hand_out_is_told(settings):
    register = settings.storage / "uploads" / "register.json"
    register.mkdir(parents=True)
    assert wrong(check_domains(settings)) == [
        (f"[Errno 21] Is a directory: '{register}'", "give this user, and ANNA's, the right to read it")
    ]


def test_what_annas_own_files_that_are_well_come_to_is_one_line(settings):
    told = [f.text for f in check_domains(settings) if "keeps for itself" in f.text]
    assert told == ["the files that ANNA keeps for itself can be read"]


def test_a_new_deployment_says_how_to_describe_a_table(tmp_path, monkeypatch):
    monkeypatch.setenv("ANNA_HOME", str(tmp_path))
    make_deployment(tmp_path)
    ((text, cure),) = wrong(check_domains(load_settings()))
    assert "no domain file (*.yaml)" in text
    assert "copy example.yaml.txt there to <name>.yaml" in cure


def test_a_home_that_was_never_made(tmp_path, monkeypatch):
    monkeypatch.setenv("ANNA_HOME", str(tmp_path / "nowhere"))
    result = CliRunner().invoke(doctor)
    assert result.exit_code == 1
    assert "anna init" in result.output


def test_wrong_settings_are_told(settings, monkeypatch):
    other = settings.home.with_name("other")
    make_deployment(other)
    monkeypatch.setenv("ANNA_HOME", str(other))
    monkeypatch.setenv("ANNA_TIME_ZONE", "Moscow")
    result = CliRunner().invoke(doctor)
    assert result.exit_code == 1
    assert "time_zone" in result.output


def test_variables_that_no_setting_has_the_name_of_are_told(settings, monkeypatch):
    for name in ("ANNA_LEFTASIDE", "ANNA_LIMIT__RUNS", "ANNA_DWH", "anna_time_zone"):  # the last two are well
        monkeypatch.setenv(name, "UTC")
    found = [
        (finding.text, finding.cure) for finding in command.examine(settings.home) if "the variable" in finding.text
    ]
    assert found == [
        ("the variable ANNA_LEFTASIDE sets nothing", "is ANNA_LEFT_ASIDE meant? Rename it, or unset it"),
        ("the variable ANNA_LIMIT__RUNS sets nothing", "is ANNA_LIMITS__RUNS meant? Rename it, or unset it"),
    ]


def test_a_missing_dagster_file_is_found(settings):
    (settings.dagster_home / "dagster.yaml").unlink()
    ((text, cure),) = wrong(check_home(settings.home))
    assert "dagster.yaml is missing" in text
    assert "anna init" in cure


def test_what_a_killed_platform_left_running_is_told(settings):
    wait = [sys.executable, "-c", "input()"]
    with subprocess.Popen(wait, stdin=subprocess.PIPE, env={**os.environ, MARK: str(settings.home)}) as left:
        told = warnings(check_instance(settings))
        left.kill()
    assert told == ["ANNA does not answer, but 1 process of it still runs"]
    assert next(check_instance(settings)).text == "ANNA is not running; `anna up` starts it"


def test_a_taken_port_names_its_setting(settings):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", settings.mlflow_port))
        taken.listen()
        ((text, _),) = wrong(check_instance(settings))
    assert f"Port {settings.mlflow_port} is in use" in text
    assert "mlflow_port" in text


def running(settings, **answers):
    """What the doctor finds of a platform that is well but for these answers."""
    health = {"version": "1.13.27", "instance": {"daemonHealth": {"allDaemonStatuses": []}}}
    health |= identified(settings.home)["data"]
    health["workspaceOrError"]["locationEntries"][0]["locationOrLoadError"] = {"__typename": "RepositoryLocation"}
    return answered(settings, health, **answers)


def answered(settings, health, **answers):
    """What the doctor finds of a platform whose health this is, and which has neither sensors nor sources but these."""
    answers = {"Sensors": sensors(), "AssetKeys": assets()} | answers
    with serving(Stub(Health={"data": health}, **answers)) as stub:
        port = int(stub.url.rsplit(":", 1)[1])
        return list(check_instance(settings.model_copy(update={"webserver_port": port})))


def test_sensors_that_fail_or_are_off_are_told_with_their_words(settings):
    fine = {"status": "SKIPPED", "error": None}
    failed = {"status": "FAILURE", "error": {"message": "OSError: [Errno 28] No space\n  left on device\n"}}
    at_it = {"status": "STARTED", "error": None}
    found = running(
        settings, Sensors=sensors(inbox=[at_it, failed], sources=[fine, failed], outbox=None, automation=[])
    )
    assert wrong(found) == [
        (
            "the sensor 'inbox' fails: OSError: [Errno 28] No space left on device",
            "its page in the UI, under Automation, has each look at length",
        )
    ]
    assert any(f.verdict is Verdict.WARNING and f.text == "the sensor 'outbox' is off" for f in found)
    assert not any("sources" in finding.text for finding in found)


def test_what_dagster_hands_over_with_a_stack_is_told_by_its_words(settings):
    stack = '\n\nStack Trace:\n  File "x.py", line 3\n'
    cause = {"message": "anna_core.errors.ArtifactError: x.json: cannot be read\n", "className": "ArtifactError"}
    error = {"message": f"SensorExecutionError: Error occurred{stack}", "className": "SensorExecutionError"}
    failed = {"status": "FAILURE", "error": error | {"cause": cause}}
    ((text, _),) = wrong(running(settings, Sensors=sensors(inbox=[failed])))
    assert text == "the sensor 'inbox' fails: x.json: cannot be read"

    health = {"version": "1.13.27", "instance": {"daemonHealth": {"allDaemonStatuses": []}}}
    health |= identified(settings.home)["data"]
    health["workspaceOrError"]["locationEntries"][0]["locationOrLoadError"] = {
        "__typename": "PythonError",
        "message": f"dagster._core.errors.DagsterUserCodeUnreachableError: Could not reach user code server.{stack}",
        "className": "DagsterUserCodeUnreachableError",
    }
    ((text, _),) = wrong(answered(settings, health))
    assert text == "the definitions do not load: Could not reach user code server."


def test_with_a_damaged_id_nobody_can_say_whose_platform_answers(settings):
    health = {"version": "1.13.27", "instance": {}, **identified(settings.home)["data"]}
    damage(settings.home / "deployment.id", b"\xff\xfe")
    (told,) = warnings(answered(settings, health))
    assert told.startswith("whether it is this deployment that answers at http")


def test_a_source_that_could_not_be_observed_is_told_with_its_words(settings):
    def runs(variables):
        job = variables["filter"]["pipelineName"]
        status = "SUCCESS" if job == "observe_cards" else "FAILURE"
        tags = [{"key": "dagster/will_retry", "value": "true"}] if job == "observe_deposits" else []
        run = {"runId": f"run of {job}", "status": status, "tags": tags}
        return {"data": {"runsOrError": {"__typename": "Runs", "results": [run]}}}

    def events(variables):
        assert variables["runId"] == "run of observe_loans"
        error = {
            "message": "SourceError: loans.csv, line 3: 2 fields below a header of 3\n",
            "className": "SourceError",
        }
        event = {"__typename": "ExecutionStepFailureEvent", "stepKey": "source__loans", "message": "", "error": error}
        page = {"__typename": "EventConnection", "cursor": "1", "hasMore": False, "events": [event]}
        return {"data": {"logsForRun": page}}

    found = running(
        settings,
        AssetKeys=assets("source/cards", "source/deposits", "source/loans", "mart/loans"),
        RunStates=runs,
        Events=events,
    )
    ((text, _),) = wrong(found)
    assert text == ("domain loans: its source could not be observed: loans.csv, line 3: 2 fields below a header of 3")


def test_sensors_that_cannot_be_asked_after_are_a_warning(settings):
    answer = {"data": {"sensorsOrError": {"__typename": "PythonError", "message": "no definitions"}}}
    found = running(settings, Sensors=answer)
    assert wrong(found) == []
    assert any(finding.text == "the sensors cannot be asked after: no definitions" for finding in found)


def test_the_disk_of_the_storage_is_looked_at(settings, monkeypatch):
    storage_at = settings.storage
    usage = type(shutil.disk_usage("/"))
    free = {True: 0.05, False: 50.0}  # GiB, on the storage's disk and on the other
    monkeypatch.setattr(
        storage.shutil,
        "disk_usage",
        lambda place: usage(100 * 2**30, 0, int(free[place == storage_at] * 2**30)),
    )
    storage_at.mkdir(exist_ok=True)
    monkeypatch.setattr(command, "on_one_disk", lambda *_: False)
    found = [finding.text for finding in command.examine(settings.home) if "on the disk of" in finding.text]
    assert found == [
        f"50 GiB free on the disk of {settings.home}",
        f"0.05 GiB are free on the disk of {storage_at}",
    ]
    assert CliRunner().invoke(doctor).exit_code == 1


def test_what_nobody_foresaw_in_one_source_leaves_the_others_to_be_looked_at(settings, monkeypatch):
    real = deployment.check_source

    def check(domain, *rest):
        if domain.name == "card_transactions":
            raise RecursionError("too deep")
        return real(domain, *rest)

    monkeypatch.setattr(deployment, "check_source", check)
    ((text, _),) = wrong(check_domains(settings))
    assert text == "domain card_transactions: its source cannot be read: RecursionError: too deep"


def test_definitions_that_do_not_load_and_a_silent_daemon(settings):
    (entry,) = identified(settings.home)["data"]["workspaceOrError"]["locationEntries"]
    entry |= {"locationOrLoadError": {"__typename": "PythonError", "message": "DomainError: bad\n"}}
    health = {
        "version": "1.13.27",
        "instance": {"daemonHealth": {"allDaemonStatuses": [
            {"daemonType": "SENSOR", "required": True, "lastHeartbeatTime": 1.0},
            {"daemonType": "FRESHNESS_DAEMON", "required": False, "lastHeartbeatTime": None}]}},
        "workspaceOrError": {"__typename": "Workspace", "locationEntries": [entry]},
    }  # fmt: skip
    found = [text for text, _ in wrong(answered(settings, health))]
    assert found == ["the definitions do not load: DomainError: bad", "Dagster's daemon is silent: sensor"]


def test_definitions_whose_process_is_gone_are_not_well(settings, monkeypatch):
    assert wrong(running(settings)) == []  # nothing is known of a code server
    write_workspace(settings, 4000)
    monkeypatch.setattr(instance, "has_definitions", lambda port: port != 4000)
    ((text, cure),) = wrong(running(settings))
    assert text == "the definitions are gone from the server that runs them, and nothing can be launched"
    assert cure == "`anna up` loads them again within two minutes; if it does not, see logs/code-server.log"


def test_another_deployments_platform_on_the_port_is_not_taken_for_this_one(settings):
    other = settings.home.with_name("other")
    make_deployment(other)
    health = {"version": "1.13.27", "instance": {}, **identified(other)["data"]}
    ((text, cure),) = wrong(answered(settings, health))
    assert re.search(rf"Dagster answers at port \d+, but it is the platform of another deployment, {other}", text)
    assert cure == f"see webserver_port in {settings.home / 'anna.yaml'}"


def test_all_ports_that_others_hold_are_told_at_once(settings):
    other = {"version": "1.13.27", "instance": {}, **identified(None)["data"]}
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", settings.mlflow_port))
        taken.listen()
        (_, of_dagster), (of_mlflow, _) = wrong(answered(settings, other))
    assert "webserver_port" in of_dagster
    assert f"Port {settings.mlflow_port} is in use by another program" in of_mlflow


def test_what_mlflow_does_not_know_yet_is_told(settings, monkeypatch):
    monkeypatch.setattr(instance, "WAITING_SECONDS", 0.0)
    Outbox.of(settings.home).launch("churn.q1", "r1").own.append(RunReport(at=1, status="FAILED"))
    found = running(settings)
    assert wrong(found) == []
    assert any(
        "1 launch(es) have something to say to MLflow that it does not know yet: churn.q1" in f.text for f in found
    )
