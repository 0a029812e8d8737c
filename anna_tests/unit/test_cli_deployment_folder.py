"""`anna init`, the settings file it writes, and the limits that `anna up` brings to dagster.yaml."""

import datetime as dt
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from anna_cli.commands.init import init
from anna_cli.deployment_folder import DeploymentError, make_deployment
from anna_cli.settings_file import render_settings
from anna_cli.supervisor.limits import with_limits, write_queue_limits
from anna_cli.templates import bank_templates, dagster_template
from anna_core.domains import read_domains
from anna_resources.settings import Limits, Settings, load_settings

LIMITS = Limits(runs=7, runs_per_owner=3, hadoop=1, training=1, scoring=1, launches=5)


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    home = tmp_path / "home"
    monkeypatch.setenv("ANNA_HOME", str(home))
    return home


def test_init_makes_a_deployment_with_valid_settings(home):
    made = make_deployment(home)
    assert all(item.new for item in made)
    assert [path.name for path in (home / "domains").iterdir()] == ["example.yaml.txt"]
    settings = load_settings()
    assert settings.home == home
    assert settings.domains == home / "domains"
    assert (home / "dagster" / "dagster.yaml").read_text() == dagster_template().read_text()


def test_a_simulated_banks_deployment_has_its_domains(home):
    make_deployment(home)
    make_deployment(home, simulated=True)
    assert sorted(read_domains(home / "domains").domains) == [path.stem for path in bank_templates()]


def test_init_again_changes_nothing(home):
    make_deployment(home, simulated=True)
    (home / "anna.yaml").write_text("webserver_port: 3055\n")
    card = home / "domains" / "card_transactions.yaml"
    card.write_text("mine")
    (home / "domains" / "credit_history.yaml").unlink()
    assert not any(item.new for item in make_deployment(home, simulated=True))
    assert (home / "anna.yaml").read_text() == "webserver_port: 3055\n"
    assert card.read_text() == "mine"
    assert not (home / "domains" / "credit_history.yaml").exists(), "a domain that was removed came back"


def test_init_command_says_what_it_made_and_what_was_there(home):
    first = CliRunner().invoke(init, [str(home)])
    assert first.exit_code == 0
    assert "made" in first.output
    assert "was there" not in first.output
    second = CliRunner().invoke(init, [str(home)])
    assert "+ made" not in second.output
    assert "was there" in second.output


def test_a_folder_that_cannot_be_made_is_explained(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DeploymentError, match="Choose a folder"):
        make_deployment(tmp_path / "file" / "home")


def test_settings_file_names_every_setting_and_holds_the_defaults(home, monkeypatch):
    text = render_settings()
    for name in Settings.model_fields.keys() - {"home"}:
        assert f"\n{name}:" in text or f"\n# {name}:" in text, f"{name} is not explained in anna.yaml"
    assert set(yaml.safe_load(text)["limits"]) == set(Limits.model_fields)
    home.mkdir()
    plain = Settings(home=home)
    (home / "anna.yaml").write_text(text)
    assert Settings(home=home) == plain


def test_settings_file_takes_the_months_of_a_bank(home):
    home.mkdir()
    text = render_settings(start_month=dt.date(2021, 4, 1), end_month=dt.date(2023, 3, 1), webserver_port=3055)
    (home / "anna.yaml").write_text(text)
    settings = Settings(home=home)
    assert (settings.start_month, settings.end_month) == (dt.date(2021, 4, 1), dt.date(2023, 3, 1))
    assert settings.webserver_port == 3055


def test_marked_numbers_of_dagster_yaml_follow_the_settings():
    text = "runs:\n  max_concurrent_runs: 2 # limits.runs\n  other: 2\n    limit: 9   # up to limits.runs_per_owner\n"
    changed = with_limits(text, LIMITS)
    assert changed == text.replace(": 2 #", ": 7 #").replace(": 9 ", ": 3 ")


def test_numbers_without_a_mark_or_with_an_unknown_one_stay():
    text = "a: 2\nb: 3 # limits.unknown\n# limits.runs 5\n"
    assert with_limits(text, LIMITS) == text


def test_the_shipped_dagster_yaml_takes_its_limits_from_the_settings(tmp_path):
    file = tmp_path / "dagster.yaml"
    file.write_text(dagster_template().read_text())
    write_queue_limits(file, LIMITS)
    runs = yaml.safe_load(file.read_text())["concurrency"]["runs"]
    assert runs["max_concurrent_runs"] == 7
    limits = {limit["key"]: limit["limit"] for limit in runs["tag_concurrency_limits"]}
    assert limits == {"anna/launch": 5, "anna/key": 1, "anna/owner": 3}
