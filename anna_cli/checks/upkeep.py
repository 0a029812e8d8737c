"""What the latest upkeep found: how much there is on the disk, and what could not be removed."""

from collections.abc import Iterator

from pydantic import ByteSize

from anna_cli.checks.findings import Finding, good, warning
from anna_resources.settings import Settings
from anna_resources.upkeep.pruning import last_pruning

_SHOWN = 4  # folders, the largest first


def check_upkeep(settings: Settings) -> Iterator[Finding]:
    """The storage's size by folder as the latest `prune` found it; nothing before the first."""
    if (told := last_pruning(settings)) is None:
        return
    largest = sorted(told.disk.items(), key=lambda folder: -folder[1])[:_SHOWN]
    shown = ", ".join(f"{name} {ByteSize(size).human_readable()}" for name, size in largest)
    total = ByteSize(sum(told.disk.values())).human_readable()
    yield good(f"the storage held {total} on {told.at:%Y-%m-%d} ({shown}); `anna prune` says what is too old")
    for note in told.notes:
        yield warning(f"upkeep of {told.at:%Y-%m-%d}: {note}", "`anna prune --yes` tries again, as does each night")
