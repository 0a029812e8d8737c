"""What is too old is found in the storage, Dagster's log and MLflow, and taken away if that is asked for."""

import datetime as dt
import os
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg

from anna_assets.partitions import SAMPLE
from anna_assets.upkeep.busy import backfills, busy
from anna_assets.upkeep.old_runs import delete_run, old_events, old_runs, size_of_run
from anna_core.errors import in_words
from anna_core.samples.listing import list_inbox
from anna_resources.ledger.champions import Champions
from anna_resources.settings import Settings
from anna_resources.tracking.old_runs import delete_old_runs
from anna_resources.upkeep.inventory import Inventory, remove
from anna_resources.upkeep.policy import Item, Kind, Needed, going
from anna_resources.upkeep.pruning import Line, Pruning
from anna_resources.warehouse import Warehouse

_EVENTS = "dagster_runs: events of no run"


@dataclass(frozen=True)
class Pruner:
    """Finds what is too old, and removes it if asked to.

    Attributes:
        instance: that has the runs.
        warehouse: what is in the storage.
        settings: of the deployment.
        do: whether to remove it.
        now: Unix time.
        notes: takes what is left alone although it is too old, and why.
    """

    instance: dg.DagsterInstance
    warehouse: Warehouse
    settings: Settings
    do: bool
    now: float
    notes: list[str] = field(default_factory=list)

    def prune(self, run_id: str) -> Pruning:
        """What is too old, which is removed if asked for; also kept on disk as of the run of this id.

        Raises:
            LedgerError: it cannot be said who is champion: nothing is removed then.
            ArtifactError: nor whose scores there are.
        """
        samples = self.instance.get_dynamic_partitions(SAMPLE.name or "")
        there = {*samples, *(f"{one.task}.{one.sample}" for one in list_inbox(self.settings.inbox).uploads)}
        needed = self._needed_tags()
        lines = [*self._files(there if samples else None, needed), *self._runs(there), *self._mlflow_runs(needed)]
        found = Pruning(
            run=run_id,
            at=dt.datetime.fromtimestamp(self.now, dt.UTC),
            is_done=self.do,
            lines=lines,
            notes=self.notes,
            disk=_disk(self.settings.storage),
        )
        found.keep(self.settings.storage)
        return found

    def _needed_tags(self) -> set[str]:
        """Launches that are champion or challenger, that one goes back to, asked for, or the newest of their task.

        And those whose scores of some period are there: outcomes that come late are held against what they were judged
        on.
        """
        champions, tags = Champions.of(self.settings), set[str]()
        for task in champions.tasks():
            tags.add(champions.newest_launch(task))
            for role in (champions.current(task), champions.request(task), champions.challenger(task)):
                if role is not None:
                    tags |= {role.tag, getattr(role, "instead_of", ""), getattr(role, "before", "")}
            for scores in (self.warehouse.production(task), self.warehouse.challenger(task)):
                for one in scores.of_all_cadences():
                    tags |= {done.model for done in one.all().values()}
        return tags - {""}

    def _files(self, there: Collection[str] | None, needed: Collection[str]) -> list[Line]:
        """What goes of the storage; `there` are the keys of the samples that there are, None where nobody knows."""
        if count := backfills(self.instance):
            note = f"{count} backfill(s) are under way, which may need any files: these are left alone until then."
            self.notes.append(note)
            return []
        if there is None:
            note = "Dagster knows no sample, so which were deleted cannot be said: `deleted` is passed over."
            self.notes.append(note)
        keep, stays = self.settings.keep, Needed(needed, busy(self.instance))
        found = going(Inventory.of(self.warehouse).items(there, self.now, keep), keep, stays, self.now)
        gone = [item for item in found if not self.do or self._is_removed(item)]
        sizes = {kind: [item.size for item in gone if item.kind is kind] for kind in Kind}
        kept_for_a_time = [kind for kind in Kind if getattr(keep, kind) is not None]
        return [Line(what=kind.value, number=len(sizes[kind]), size=sum(sizes[kind])) for kind in kept_for_a_time]

    def _is_removed(self, item: Item) -> bool:
        """Remove an item, unless a run has begun meanwhile that is about it; whether it was."""
        keep = self.settings.keep
        if not list(going([item], keep, Needed(busy=busy(self.instance)), self.now)):
            return False
        try:
            remove(item, keep, self.now)
        except OSError as error:
            self.notes.append(f"{item.path} could not be removed: {error}")
            return False
        return True

    def _runs(self, samples: Collection[str]) -> list[Line]:
        """What goes of Dagster's own log."""
        age = self.settings.keep.dagster_runs
        if age is None:
            return []
        before = dt.datetime.fromtimestamp(self.now, dt.UTC) - age
        runs, size = old_runs(self.instance, before, samples), 0
        for run_id in runs:
            size += size_of_run(self.instance, run_id)
            if self.do:
                delete_run(self.instance, run_id)
        number, bytes_ = old_events(self.instance, before, self.do)
        return [Line(what="dagster_runs", number=len(runs), size=size), Line(what=_EVENTS, number=number, size=bytes_)]

    def _mlflow_runs(self, needed: Collection[str]) -> list[Line]:
        age, url = self.settings.keep.mlflow_runs, self.settings.tracking_url
        if age is None:
            return []
        tasks = Champions.of(self.settings).tasks()
        try:
            number = delete_old_runs(url, tasks, self.now - age.total_seconds(), needed, self.do)
        except Exception as error:  # noqa: BLE001  # whatever is wrong with MLflow, the rest is done
            self.notes.append(f"MLflow at {url} could not be asked for old runs: {in_words(error)}")
            return []
        return [Line(what="mlflow_runs", number=number, size=0)]


def _disk(storage: Path) -> dict[str, int]:
    """Bytes in each folder of the storage; a file that has several names counts for the first of them."""
    seen, sizes = set[int](), dict[str, int]()
    for folder in filter(Path.is_dir, sorted(storage.iterdir())):
        files = {found.st_ino: found.st_size for file in folder.rglob("*") if (found := _stat(file)) is not None}
        sizes[folder.name] = sum(size for number, size in files.items() if number not in seen)
        seen |= files.keys()
    return sizes


def _stat(file: Path) -> os.stat_result | None:
    try:
        return file.stat() if file.is_file() else None
    except FileNotFoundError:  # written under another name meanwhile
        return None
