"""What goes, and what stays: a pure function of what there is, how old it is, and what is needed."""

import datetime as dt
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from anna_core.keys import task_of
from anna_resources.production_settings import Keep


class Kind(StrEnum):
    """What an artifact is to the policy; the values are the settings in `keep`."""

    LAUNCHES = "launches"
    DELETED = "deleted"
    VERSIONS = "versions"
    CANDIDATES = "candidates"
    RETRO_SCORES = "retro_scores"
    PRODUCTION_HISTORIES = "production_histories"
    PRODUCTION_SCORES = "production_scores"


@dataclass(frozen=True)
class Item:
    """Something that lies in the storage.

    Attributes:
        kind: what it is to the policy.
        path: an artifact's folder, or a file.
        changed: Unix time at which it was last written.
        size: bytes that its removal gives back.
        key: of the sample that it is of, or the task, where it is of a whole one; empty for none.
        tag: of the launch that it is of, in the ledger; empty for none.
    """

    kind: Kind
    path: Path
    changed: float
    size: int
    key: str = ""
    tag: str = ""


@dataclass(frozen=True)
class Needed:
    """What must stay whatever its age.

    Attributes:
        tags: launches that are champion or challenger, that a champion goes back to, and the like.
        busy: keys of samples, and names of tasks, that a run, begun or queued, is about.
    """

    tags: Collection[str] = ()
    busy: Collection[str] = ()


def going(items: Iterable[Item], keep: Keep, needed: Needed, now: float) -> Iterator[Item]:
    """Those of the items that are older than they are to be kept, and that nothing needs.

    Args:
        items: all that there is.
        keep: how long each kind is kept.
        needed: what stays.
        now: Unix time. What was changed later, as by a clock that was put back, stays.
    """
    for item in items:
        limit: dt.timedelta | None = getattr(keep, item.kind)
        is_busy = item.key in needed.busy or task_of(item.key) in needed.busy
        is_needed = is_busy or (item.kind is not Kind.VERSIONS and item.tag in needed.tags)
        if limit is not None and now - item.changed > limit.total_seconds() and not is_needed:
            yield item
