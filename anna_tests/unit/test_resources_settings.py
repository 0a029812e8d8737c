import datetime as dt
import os
import re
from pathlib import Path

import pytest

from anna_cli.settings_file import render_settings
from anna_resources import settings
from anna_resources.settings import Limits, SettingsError, hand_on, load_settings, read_settings


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("ANNA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ANNA_HOME", str(tmp_path))
    settings._load.cache_clear()
    yield tmp_path
    settings._load.cache_clear()


def test_a_bare_home_has_defaults(home):
    found = load_settings()
    assert found.home == home
    assert found.domains == home / "domains"
    assert found.storage == home / "storage"
    assert found.inbox == home / "inbox"
    assert found.dagster_home == home / "dagster"
    assert (found.time_zone, found.start_month, found.end_month) == ("UTC", None, None)
    assert found.tracking_url == "http://127.0.0.1:5000"
    assert found.webserver_url == "http://127.0.0.1:3000"


def test_a_deployment_that_names_no_first_month_has_the_last_alone_until_its_data_is_known(home, monkeypatch):
    this_month = dt.datetime.now(dt.UTC).date().replace(day=1)
    found = load_settings()
    assert found.first_month == found.last_month == this_month
    assert found.keeps(this_month)
    assert not found.keeps(dt.date(2023, 1, 1))
    monkeypatch.setenv("ANNA_END_MONTH", "2024-06")
    settings._load.cache_clear()
    assert load_settings().first_month == dt.date(2024, 6, 1)


def test_settings_that_were_handed_on_outlive_the_file(home, monkeypatch):
    monkeypatch.setenv(settings.HANDED_ON, "")  # so that it is as before after the test
    (home / "anna.yaml").write_text("time_zone: Europe/Moscow\nstart_month: 2024-03\nlimits: {runs: 3, memory: 2GiB}\n")
    monkeypatch.setenv("ANNA_WEBSERVER_PORT", "3111")
    before = read_settings()
    hand_on(before)
    (home / "anna.yaml").write_text("time_zone: [")
    monkeypatch.setenv("ANNA_WEBSERVER_PORT", "3222")
    settings._load.cache_clear()
    assert load_settings().first_month == dt.date(2024, 3, 1)
    assert load_settings().model_dump() == before.model_dump()
    with pytest.raises(SettingsError, match="cannot be read"):
        read_settings()


def test_settings_of_another_deployment_are_not_taken(home, monkeypatch, tmp_path_factory):
    monkeypatch.setenv(settings.HANDED_ON, "")
    hand_on(read_settings())
    other = tmp_path_factory.mktemp("other")
    monkeypatch.setenv("ANNA_HOME", str(other))
    assert load_settings().home == other


def test_an_empty_file_changes_nothing(home):
    (home / "anna.yaml").write_text("")
    assert load_settings().limits == Limits()


def test_folders_that_are_left_empty_are_the_default_ones(home):
    (home / "anna.yaml").write_text("storage:\ndomains: ''\n")
    assert (load_settings().storage, load_settings().domains) == (home / "storage", home / "domains")


def test_the_file_sets_and_the_environment_overrides(home, monkeypatch):
    (home / "anna.yaml").write_text("time_zone: Europe/Moscow\nstart_month: 2024-03\nlimits: {runs: 3, training: 4}\n")
    monkeypatch.setenv("ANNA_TIME_ZONE", "Asia/Almaty")
    monkeypatch.setenv("ANNA_LIMITS__RUNS", "7")
    monkeypatch.setenv("ANNA_END_MONTH", "2024-06")
    monkeypatch.setenv("ANNA_STORAGE", f"file://{home}/else")
    found = load_settings()
    assert found.time_zone == "Asia/Almaty"
    assert (found.start_month, found.end_month) == (dt.date(2024, 3, 1), dt.date(2024, 6, 1))
    assert (found.limits.runs, found.limits.training, found.limits.scoring) == (7, 4, 2)
    assert found.storage == home / "else"


@pytest.mark.parametrize(
    ("text", "size"), [("2GiB", 2**31), ("500 MB", 500_000_000), ("1073741824", 2**30), ("1.5GiB", 3 * 2**29)]
)
def test_memory_is_a_number_of_bytes_or_a_text(home, monkeypatch, text, size):
    assert load_settings().limits.memory == 2**30
    settings._load.cache_clear()
    (home / "anna.yaml").write_text(render_settings())
    assert load_settings().limits.memory == 2**30
    settings._load.cache_clear()
    (home / "anna.yaml").write_text(f"limits: {{memory: {text}}}\n")
    assert load_settings().limits.memory == size
    settings._load.cache_clear()
    monkeypatch.setenv("ANNA_LIMITS__MEMORY", "3GiB")
    assert load_settings().limits.memory == 3 * 2**30


def test_without_a_home_the_users_is_taken(monkeypatch):
    monkeypatch.delenv("ANNA_HOME", raising=False)
    assert settings.anna_home() == Path.home() / ".anna"


PROBLEMS = {
    "zone": ("time_zone: Moscow", "time_zone: .*'Moscow' is not a time zone: use a name such as Europe/Moscow"),
    "unknown": ("time_zon: UTC", r"time_zon: is not a known setting; .* its spelling: is time_zone meant\?"),
    "limit": ("limits: {runs: 0}", r"limits\.runs: Input should be greater than or equal to 1 \(found 0\)"),
    "unknown limit": ("limits: {run: 1}", r"limits\.run: is not a known setting.*: is runs meant\?"),
    "little memory": ("limits: {memory: 10MB}", r"limits\.memory: Input should be greater than or equal to"),
    "no memory": ("limits: {memory: much}", r"limits\.memory: could not parse value and unit from byte string"),
    "no number": ("webserver_port: web", r"webserver_port: .*\(found 'web'\)"),
    "port": ("mlflow_port: 70000", "mlflow_port: Input should be less than or equal to 65535"),
    "within a month": (
        "start_month: 2024-03-15",
        "start_month 2024-03-15 is not the first of a month; write it as 2024-03",
    ),
    "a limit outside": ("runs: 2", r"runs: is not a known setting; .*: is limits\.runs meant\?"),
    "yes for a share": ("left_aside: yes", r"left_aside: should be a share from 0 to 1, as in 0\.1 \(found True\)"),
    "percent": ("left_aside: 10%", r"left_aside: should be a share from 0 to 1, as in 0\.1 \(found '10%'\)"),
    "no share": ("left_aside: .nan", r"left_aside: should be a share from 0 to 1"),
    "no rest": ("source_settle_seconds: .inf", "source_settle_seconds: Input should be less than or equal to 86400"),
    "yes for a rest": ("inbox_settle_seconds: yes", r"inbox_settle_seconds: should be a number \(found True\)"),
    "month of digits": ("start_month: 202401", r"start_month: is no month; write it as 2024-03 \(found 202401\)$"),
    "month of one digit": ("start_month: 2024-1", r"start_month: is no month; .* \(found '2024-1'\)$"),
    "empty month": ("end_month: ''", r"end_month: is no month; .* \(found ''\)$"),
    "a day in quotes": ("start_month: '2024-03-15'", "is not the first of a month; write it as 2024-03$"),
    "year": ("start_month: 2024", r"start_month: .*\(found 2024\)"),
    "order": ("start_month: 2024-03\nend_month: 2024-02", "end_month 2024-02-01 lies before start_month 2024-03-01"),
    "beyond today": ("start_month: 2100-01", "the current month, 20.*, lies before start_month 2100-01-01"),
    "beyond all events": ("end_month: 9999-12", "end_month 9999-12 lies outside 1971 to 2199, as no event does"),
    "yes for a number": ("limits: {runs: yes}", r"limits\.runs: should be a number \(found True\)"),
    "a zone of one machine": ("time_zone: localtime", "'localtime' is not a time zone"),
    "several folders": ("domains: [a, b]", r"domains should be a path, not \['a', 'b'\]"),
    "a folder elsewhere": ("domains: s3://bucket/domains", "domains: should be a folder, not a URL"),
    "storage": ("storage: s3://bucket/anna", "storage: .*scheme 's3' is not supported"),
}


@pytest.mark.parametrize(("text", "message"), PROBLEMS.values(), ids=PROBLEMS)
def test_an_error_names_file_setting_and_problem(home, text, message):
    (home / "anna.yaml").write_text(text)
    with pytest.raises(SettingsError, match=message) as caught:
        load_settings()
    assert str(caught.value).startswith(f"{home / 'anna.yaml'} or an ANNA_* variable")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("limits: [", ", line 1: cannot be read as YAML: while parsing a flow node"),
        ("time_zone: UTC\nleft_aside: 0\ntime_zone: UTC", ", line 3: 'time_zone' is there twice, first in line 1"),
        ("limits: {runs: 010}", ", line 1: YAML does not read 010 as it stands, but as octal"),
        ("home: /srv/other", ": `home` is the folder that this file lies in, and cannot be set in it. Remove it."),
        ("left_aside: 0.2\nLeft_Aside: 0.5", ": Left_Aside: letter case counts; write left_aside."),
        ("Limits: {runs: 2}", ": Limits: letter case counts; write limits."),
        ("- a\n- b", ": should hold settings, as in `time_zone: UTC`; found list"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_file_itself_is_told_with_its_line(home, text, told):
    (home / "anna.yaml").write_text(text)
    with pytest.raises(SettingsError, match=re.escape(f"{home / 'anna.yaml'}{told}")):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"), [("ANNA_LIMITS", "two"), ("ANNA_LIMITS__RUNS", "two"), ("ANNA_END_MONTH", "")]
)
def test_a_wrong_variable_is_told(home, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=r"limits|end_month"):
        load_settings()


@pytest.mark.parametrize(
    "text",
    [
        "production: {drift: {warn: .inf}}",  # JSON has no such number, and so no run could be handed it
        "production: {drift: {error: .inf}}",
        "production: {drift: {volume: .inf}}",
        "image: {seconds: 99999999999999999999}",
        "image: {repository: a//b}",
        "image: {repository: 'reg.example:5000:6000/a'}",
        "image: {base: ' '}",
        "notify: {to: {all: ''}}",
        "notify: {to: {risk: ['json://a', ' ']}}",
        "production: {cadence: hour}",
        "production: {grace: -1d}",
        "keep: {production_histories: 1h}",
        "request_days: yes",
        "public_url: http://anna example",
    ],
)
def test_values_that_nothing_could_be_done_with_are_refused_by_name(home, text):
    (home / "anna.yaml").write_text(text)
    with pytest.raises(SettingsError, match=re.search(r"(\w+): [^{]", text)[1]):
        read_settings()
