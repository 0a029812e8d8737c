"""What the graph is built of holds for all that was asked for, whatever becomes of the files meanwhile."""

import dagster as dg
import pytest
from dagster._core.code_pointer import CodePointer
from dagster._core.definitions.definitions_load_context import DefinitionsLoadContext
from dagster._core.definitions.reconstruct import (
    initialize_repository_def_from_pointer,
    reconstruct_repository_def_from_pointer,
)

from anna_resources import settings
from anna_resources.settings import load_settings
from anna_tests.graph.conftest import Deployment, write_domain

DEFINITIONS = CodePointer.from_module("anna_assets.definitions", "defs", None)


@pytest.fixture(autouse=True)
def _handed_on_ends_with_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.HANDED_ON, "")


def load(load_data=None) -> dg.RepositoryDefinition:
    """The graph as a code server loads it, or, with its load data, as a run and its steps build it again."""
    settings._load.cache_clear()
    with DefinitionsLoadContext.scoped(DefinitionsLoadContext.get()):
        if load_data is None:
            return initialize_repository_def_from_pointer(DEFINITIONS)
        return reconstruct_repository_def_from_pointer(DEFINITIONS, load_data)


def marts(found: dg.RepositoryDefinition) -> list[str]:
    return sorted(key.path[1] for key in found.asset_graph.get_all_asset_keys() if key.path[0] == "mart")


def months(found: dg.RepositoryDefinition) -> list[str]:
    return found.asset_graph.get(dg.AssetKey(["mart", "cards"])).partitions_def.get_partition_keys()


def window(found: dg.RepositoryDefinition) -> str:
    return found.asset_graph.get(dg.AssetKey(["history", "cards"])).code_version


def test_a_run_keeps_the_domains_with_which_it_was_planned(deployment: Deployment) -> None:
    before = load()
    cards = deployment.settings.domains / "cards.yaml"
    cards.write_text(cards.read_text().replace("lookback: 60d", "lookback: 90d"))
    (deployment.settings.domains / "accounts.yaml").unlink()
    write_domain(deployment.home, "odd", seed=3)
    again, new = load(before.repository_load_data), load()
    assert (marts(before), marts(again), marts(new)) == (["accounts", "cards"], ["accounts", "cards"], ["cards", "odd"])
    assert (window(before), window(again), window(new)) == ("1d 60d 50", "1d 60d 50", "1d 90d 50")


def test_a_run_keeps_its_months_and_settings(deployment: Deployment) -> None:
    load_data = load().repository_load_data
    (deployment.home / "anna.yaml").write_text("limits: [")
    assert months(load(load_data)) == ["2024-01-01", "2024-02-01", "2024-03-01"]
    assert load_settings().inbox_settle_seconds == 0


def test_a_file_that_broke_changes_nothing_at_a_reload(deployment: Deployment) -> None:
    load()
    (deployment.settings.domains / "cards.yaml").write_text("source: {path: wareh")
    (deployment.settings.domains / "draft.yaml").write_text("fields:")
    assert marts(load()) == ["accounts", "cards"]


def test_the_first_month_of_the_data_is_handed_on(deployment: Deployment) -> None:
    (deployment.home / "anna.yaml").write_text("end_month: 2024-03\n")
    (deployment.settings.blueprint).mkdir(parents=True)
    (deployment.settings.blueprint / "first_month").write_text("2024-02-01")
    load_data = load().repository_load_data
    (deployment.settings.blueprint / "first_month").write_text("2023-02-01")
    assert months(load(load_data)) == ["2024-02-01", "2024-03-01"]
    assert str(load_settings().first_month) == "2024-02-01"


def test_a_run_keeps_the_months_and_the_zone_with_which_it_was_planned(deployment: Deployment) -> None:
    before = load()
    file = deployment.home / "anna.yaml"
    file.write_text(
        file.read_text().replace("start_month: 2024-01", "start_month: 2024-03") + "time_zone: Asia/Tokyo\n"
    )
    assert months(load())[0] == "2024-03-01"
    assert load_settings().time_zone == "Asia/Tokyo"
    assert months(load(before.repository_load_data))[0] == "2024-01-01"
    assert load_settings().time_zone != "Asia/Tokyo"
