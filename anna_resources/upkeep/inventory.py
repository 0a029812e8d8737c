"""What lies in a deployment's storage, as the policy sees it; and how it is taken away."""

import datetime as dt
import itertools
import shutil
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from anna_core import storage
from anna_core.errors import ArtifactError
from anna_core.keys import key_of_tag
from anna_core.periods import Cadence
from anna_resources.production_settings import Keep
from anna_resources.upkeep.policy import Item, Kind
from anna_resources.warehouse import Warehouse

# Patterns of artifacts' folders below the storage, whose last part is the sample's key.
_OF_LAUNCH = ("sequences/*/*", "embedding/*/*")
_OF_SAMPLE = ("sample/*", *_OF_LAUNCH, "model/*/*", "boosting/*/*", "metamodel/*", "report/*")
_OTHERS = ("candidate/*", "history/*/*=*", "production/*/*/*=*", "production/outcomes/*", "production/image/*")
_RETRO_EMBEDDING, _RETRO_SCORES = "retro/embedding/*/*/month=*/*.parquet", "retro/scores/*/month=*/*.parquet"
_PERIODS_KEPT = 2  # of what production scores: the newest, and the one that it is compared with
_CURES = {
    Kind.LAUNCHES: "Materialize its asset again, for the sample, if it is needed.",
    Kind.DELETED: "Submit the sample again.",
    Kind.CANDIDATES: "Submit the sample again: that launch can be promoted and reproduced.",
    Kind.PRODUCTION_HISTORIES: "Materialize production/history of the period again, if it is needed.",
    Kind.PRODUCTION_SCORES: "Materialize production/scores of the period again, if they are needed.",
}


@dataclass(frozen=True)
class Inventory:
    """What lies in the storage of a deployment.

    Attributes:
        storage: its folder.
        warehouse: its artifacts.
    """

    storage: Path
    warehouse: Warehouse

    @classmethod
    def of(cls, warehouse: Warehouse) -> "Inventory":
        """That of a deployment."""
        return cls(Path(warehouse.storage), warehouse)

    def items(self, there: Collection[str] | None, now: float, keep: Keep) -> Iterator[Item]:
        """All that the policy is asked about.

        Args:
            there: keys of the samples that there are; all others were deleted. None: nobody knows.
            now: Unix time.
            keep: spare versions are looked for that are older than it says.
        """
        tags = dict[str, str]()
        for pattern in _OF_SAMPLE:
            for path in self.storage.glob(pattern):
                key = path.name
                if there is not None and key not in there:
                    yield _item(Kind.DELETED, path, key)
                elif pattern in _OF_LAUNCH and storage.has_directory(path):
                    yield _item(Kind.LAUNCHES, path, key, self._tag(key, tags))
        for file in self.storage.glob(_RETRO_EMBEDDING):
            key = file.parts[-3]
            kind = Kind.LAUNCHES if there is None or key in there else Kind.DELETED
            yield _item(kind, file, key, self._tag(key, tags))
        for file in self.storage.glob(_RETRO_SCORES):
            yield _item(Kind.RETRO_SCORES, file, file.parts[-3], self._tag(file.parts[-3], tags))
        for path in filter(storage.has_directory, self.storage.glob("candidate/*")):
            yield _item(Kind.CANDIDATES, path, key_of_tag(path.name), path.name)
        for of in ("scores", "challenger", "history"):
            kind = Kind.PRODUCTION_HISTORIES if of == "history" else Kind.PRODUCTION_SCORES
            for above, cadence in itertools.product(self.storage.glob(f"production/{of}/*"), Cadence):
                periods = sorted(filter(storage.has_directory, above.glob(f"{cadence}=*")))
                key = "" if of == "history" else above.name  # a history is of no task
                yield from (_item(kind, period, key) for period in periods[:-_PERIODS_KEPT])
        yield from self._spare(now - keep.versions.total_seconds())

    def _spare(self, before: float) -> Iterator[Item]:
        for pattern in (*_OF_SAMPLE, *_OTHERS):
            for path in filter(Path.is_dir, self.storage.glob(pattern)):
                if found := storage.spare_versions(path, before):
                    of = path.parent if "=" in path.name else path
                    key = key_of_tag(of.name)  # of a history: its domain
                    yield Item(Kind.VERSIONS, path, 0.0, sum(map(_size, found)), key)

    def _tag(self, key: str, known: dict[str, str]) -> str:
        """The tag of a sample's latest launch; empty where it is not known."""
        if key not in known:
            known[key] = ""
            with suppress(ArtifactError, OSError):  # of a sample that was deleted
                known[key] = self.warehouse.sample(key).tag()
        return known[key]


def remove(item: Item, keep: Keep, now: float) -> None:
    """Take an item away, so that whoever asks for it is told, and a killed call is ended by the next one.

    Raises:
        OSError: it cannot be removed.
    """
    day = dt.datetime.fromtimestamp(now, dt.UTC).date()
    told = f"it was removed on {day}, as it was older than `keep.{item.kind}` in anna.yaml. {_CURES.get(item.kind, '')}"
    if item.kind is Kind.VERSIONS:
        storage.remove_spare_versions(item.path, now - keep.versions.total_seconds())
    elif not item.path.is_dir():
        item.path.unlink(missing_ok=True)
        _remove_empty(item.path.parent)
    else:
        storage.remove_directory(item.path, told.rstrip())
        if item.kind is Kind.DELETED:
            shutil.rmtree(item.path)
            _remove_empty(item.path.parent)


def _item(kind: Kind, path: Path, key: str = "", tag: str = "") -> Item:
    pointer = path / storage.POINTER
    changed = (pointer if path.is_dir() and pointer.exists() else path).stat().st_mtime
    if path.is_dir() and storage.why_removed(path):
        changed = 0.0  # a call that was killed has begun: it is ended
    return Item(kind, path, changed, _size(path), key, tag)


def _size(path: Path) -> int:
    """Bytes that a file, or those in a folder, hold alone: others that are the same by a link keep theirs."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    found = (file.stat() for file in files)
    return sum(one.st_size for one in found if one.st_nlink == 1)


def _remove_empty(folder: Path) -> None:
    """Remove a folder, and the one above, if nothing is in them."""
    with suppress(OSError):  # something is
        folder.rmdir()
        folder.parent.rmdir()
