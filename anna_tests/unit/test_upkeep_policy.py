"""Upkeep: what goes and what stays, by age and by need; and what the storage looks like after."""

import os
import time
from pathlib import Path

import pytest

from anna_cli.settings_file import render_settings
from anna_core import storage
from anna_core.errors import ArtifactError
from anna_core.yaml_files import parse_yaml
from anna_resources.production_settings import Keep
from anna_resources.settings import Settings
from anna_resources.upkeep.inventory import Inventory, remove
from anna_resources.upkeep.policy import Item, Kind, Needed, going
from anna_resources.warehouse import Warehouse

DAY, NOW = 86_400.0, 1_800_000_000.0
NOTHING = Needed()


def item(kind: Kind, days: float, key: str = "churn.q1", tag: str = "churn.q1") -> Item:
    return Item(kind, Path(f"/{kind}/{days}"), NOW - days * DAY, 10, key, tag)


def ages(kind: Kind, keep: Keep, **needed: set[str]) -> list[float]:
    """Of items of all ages and of one kind, those in days that go."""
    found = going([item(kind, days) for days in (-5, 0, 1, 29, 31, 89, 91, 4000)], keep, Needed(**needed), NOW)
    return [round((NOW - one.changed) / DAY) for one in found]


@pytest.mark.parametrize(
    ("kind", "days"),
    [
        (Kind.LAUNCHES, [91, 4000]),
        (Kind.DELETED, [31, 89, 91, 4000]),
        (Kind.VERSIONS, [29, 31, 89, 91, 4000]),
        (Kind.CANDIDATES, []),
        (Kind.RETRO_SCORES, []),
        (Kind.PRODUCTION_SCORES, []),
    ],
)
def test_by_default_what_can_be_made_again_goes_and_results_stay(kind: Kind, days: list[float]) -> None:
    assert ages(kind, Keep()) == days


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_goes_by_its_own_setting(kind: Kind) -> None:
    assert ages(kind, Keep.model_validate({kind.value: "30d"})) == [31, 89, 91, 4000]
    if kind is not Kind.VERSIONS:
        assert ages(kind, Keep.model_validate({kind.value: None})) == []


@pytest.mark.parametrize("kind", Kind)
def test_what_is_needed_stays_however_old(kind: Kind) -> None:
    keep = Keep.model_validate({kind.value: "30d"})
    assert ages(kind, keep, busy={"churn.q1"}) == ages(kind, keep, busy={"churn"}) == []
    assert ages(kind, keep, busy={"churn.q2", "fraud"}) == [31, 89, 91, 4000]
    # A version that no pointer names is not what a launch is made of.
    assert ages(kind, keep, tags={"churn.q1"}) == ([31, 89, 91, 4000] if kind is Kind.VERSIONS else [])
    assert ages(kind, keep, tags={"churn.q1@2"}) == [31, 89, 91, 4000]


@pytest.mark.parametrize("said", ["versions: 1h", "dagster_runs: 6d", "versions: null", "deleted: 5", "deleted: soon"])
def test_times_that_would_take_what_is_in_use_are_refused(said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said.partition(":")[0]):
        Settings(home=tmp_path, keep=parse_yaml(said))  # type: ignore[call-arg, arg-type]


def test_the_template_says_what_holds_by_default() -> None:
    said = parse_yaml(render_settings())
    assert isinstance(said, dict)
    assert Keep.model_validate(said["keep"]) == Keep()


@pytest.fixture
def deployed(tmp_path: Path) -> Inventory:
    """A storage with two samples, of which one was deleted, each file of it a hundred days old."""
    root = tmp_path / "storage"
    for key in ("churn.q1", "churn.gone"):
        for place in ("sample", "sequences/cards", "model/cards", "embedding/cards", "metamodel", "report"):
            with storage.write_directory(root / place / key) as folder:
                (folder / "content").write_text("x" * 100)
                (folder / "tag").write_text(key)
        for place in ("retro/embedding/cards", "retro/scores"):
            file = root / place / key / "month=2024-01" / f"{place.split('/')[1]}.parquet"
            file.parent.mkdir(parents=True)
            file.write_text("x" * 100)
        with storage.write_directory(root / "candidate" / key) as folder:
            os.link(storage.read_directory(root / "model" / "cards" / key) / "content", folder / "content")
    for month in range(1, 5):
        with storage.write_directory(root / "production" / "scores" / "churn" / f"month=2024-{month:02}") as folder:
            (folder / "content").write_text("x" * 100)
    for period in ("week=2024-04-01", "week=2024-04-08", "week=2024-04-15"):
        with storage.write_directory(root / "production" / "history" / "cards" / period) as folder:
            (folder / "content").write_text("x" * 100)
    warehouse = Warehouse(
        home=str(tmp_path), storage=str(root), time_zone="UTC", source_settle_seconds=0, left_aside=0.1, cadence="month"
    )
    age(root)
    return Inventory.of(warehouse)


def age(root: Path, days: float = 100) -> None:
    then = time.time() - days * DAY
    for path in root.rglob("*"):
        os.utime(path, (then, then))


def pruned(deployed: Inventory, keep: Keep, needed: Needed = NOTHING) -> list[str]:
    """Remove what is too old; where that lay."""
    found = list(going(deployed.items({"churn.q1"}, time.time(), keep), keep, needed, time.time()))
    for one in found:
        remove(one, keep, time.time())
    return sorted(f"{one.kind} {one.path.relative_to(deployed.storage)}" for one in found)


OF_OLD_LAUNCHES = [
    "launches embedding/cards/churn.q1",
    "launches retro/embedding/cards/churn.q1/month=2024-01/embedding.parquet",
    "launches sequences/cards/churn.q1",
]
OLD_HISTORY = "production_histories production/history/cards/week=2024-04-01"
OF_THE_DELETED = [
    *(f"deleted {place}/cards/churn.gone" for place in ("embedding", "model")),
    *(f"deleted {place}/churn.gone" for place in ("metamodel", "report")),
    "deleted retro/embedding/cards/churn.gone/month=2024-01/embedding.parquet",
    "deleted sample/churn.gone",
    "deleted sequences/cards/churn.gone",
]


def test_an_old_launch_keeps_models_and_results_and_says_what_it_lost(deployed: Inventory) -> None:
    assert pruned(deployed, Keep()) == sorted([*OF_OLD_LAUNCHES, *OF_THE_DELETED, OLD_HISTORY])
    root = deployed.storage
    for place in ("sequences/cards", "embedding/cards"):
        assert not storage.has_directory(root / place / "churn.q1")
        with pytest.raises(ArtifactError, match=r"was removed on \d{4}-\d\d-\d\d, as it was .* `keep\.launches`"):
            storage.read_directory(root / place / "churn.q1")
    for place in ("sample", "model/cards", "metamodel", "report", "candidate"):
        assert (storage.read_directory(root / place / "churn.q1") / "content").stat().st_size == 100
    assert (storage.read_directory(root / "candidate" / "churn.gone") / "content").stat().st_size == 100
    assert sorted(path.parts[-3] for path in root.glob("retro/scores/*/*/*")) == ["churn.gone", "churn.q1"]
    assert not list(root.glob("*/cards/churn.gone"))
    assert pruned(deployed, Keep()) == []
    with storage.write_directory(root / "sequences/cards/churn.q1") as folder:  # it comes again
        (folder / "content").write_text("y")
    assert (storage.read_directory(root / "sequences/cards/churn.q1") / "content").read_text() == "y"


def test_what_a_champion_or_a_run_stands_on_stays(deployed: Inventory) -> None:
    assert pruned(deployed, Keep(), Needed(tags={"churn.q1"})) == sorted([*OF_THE_DELETED, OLD_HISTORY])
    assert pruned(deployed, Keep(), Needed(busy={"churn.q1"})) == []
    assert pruned(deployed, Keep()) == OF_OLD_LAUNCHES


def test_where_nobody_knows_which_samples_there_are_none_counts_as_deleted(deployed: Inventory) -> None:
    found = list(going(deployed.items(None, time.time(), Keep()), Keep(), Needed(), time.time()))
    assert {one.kind for one in found} == {Kind.LAUNCHES, Kind.PRODUCTION_HISTORIES}


def test_results_go_only_when_asked_for_and_the_newest_two_months_of_scores_never(deployed: Inventory) -> None:
    keep = Keep.model_validate(
        {
            "launches": None,
            "deleted": None,
            "production_histories": None,
            "candidates": "30d",
            "retro_scores": "30d",
            "production_scores": "30d",
        }
    )
    assert pruned(deployed, keep) == [
        "candidates candidate/churn.gone",
        "candidates candidate/churn.q1",
        "production_scores production/scores/churn/month=2024-01",
        "production_scores production/scores/churn/month=2024-02",
        "retro_scores retro/scores/churn.gone/month=2024-01/scores.parquet",
        "retro_scores retro/scores/churn.q1/month=2024-01/scores.parquet",
    ]
    with pytest.raises(ArtifactError, match=r"`keep.candidates` in anna.yaml. Submit the sample again"):
        storage.read_directory(deployed.storage / "candidate" / "churn.q1")


def test_a_version_goes_a_while_after_it_was_replaced_not_after_it_was_written(deployed: Inventory) -> None:
    path = deployed.storage / "report" / "churn.q1"
    first = storage.read_directory(path)
    with storage.write_directory(path) as folder:
        (folder / "content").write_text("new")
    keep = Keep.model_validate({"launches": None, "deleted": None, "production_histories": None})
    assert pruned(deployed, keep) == []  # a reader may have begun with the first a moment ago
    age(path, days=8)
    assert pruned(deployed, keep) == ["versions report/churn.q1"]
    assert not first.exists()
    assert (storage.read_directory(path) / "content").read_text() == "new"


def test_links_of_one_file_give_nothing_back_until_the_last_goes(deployed: Inventory) -> None:
    found = {one.path: one.size for one in deployed.items({"churn.q1"}, time.time(), Keep())}
    sequences, candidate = (deployed.storage / place / "churn.q1" for place in ("sequences/cards", "candidate"))
    pointer = (sequences / storage.POINTER).stat().st_size
    assert found[sequences] == 100 + len("churn.q1") + pointer
    assert found[candidate] == pointer  # its model is that of the launch, too


@pytest.mark.parametrize("kind", ["launches", "deleted"])
def test_one_that_is_killed_in_the_middle_is_ended_by_the_next(
    deployed: Inventory, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    keep = Keep.model_validate({kind: "30d", "launches" if kind == "deleted" else "deleted": None})
    with monkeypatch.context() as patch:
        patch.setattr(storage.shutil, "rmtree", killed)
        for _ in range(3):
            with pytest.raises(KeyboardInterrupt):
                pruned(deployed, keep)
    key = "churn.q1" if kind == "launches" else "churn.gone"
    begun = [path for path in deployed.storage.rglob(key) if storage.why_removed(path)]
    assert begun
    for path in begun:
        with pytest.raises(ArtifactError, match="was removed on"):  # nothing half is read
            storage.read_directory(path)
    pruned(deployed, Keep())
    assert not [folder for path in begun for folder in path.glob("*/content")]
