"""Every entry, kept from run to run in benchmarks/quality.jsonl: a line each, and of each what the page needs."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel

from anna_core.storage import write_text
from benchmarks.quality.entry import NETS, Entry
from benchmarks.quality.variants import PRESETS

FILE = Path(__file__).parents[1] / "quality.jsonl"
_DIGITS = 6  # the page shows four


class Results(BaseModel):
    """Entries, by contest, variant and seed."""

    entries: list[Entry] = []

    @classmethod
    def load(cls) -> Self:
        """Read the file; nothing where there is none."""
        lines = FILE.read_text(encoding="utf-8").splitlines() if FILE.exists() else []
        return cls(entries=[Entry.model_validate_json(line) for line in lines])

    def save(self) -> None:
        """Write the file."""
        entries = sorted(self.entries, key=lambda entry: (entry.variant, entry.contest, entry.seed))
        write_text(FILE, "".join(f"{_kept(entry).model_dump_json(exclude_defaults=True)}\n" for entry in entries))

    def has(self, contest: str, variant: str, seed: int) -> bool:
        """Whether an entry is there."""
        return any((e.contest, e.variant, e.seed) == (contest, variant, seed) for e in self.entries)

    def add(self, entry: Entry) -> Self:
        """The same with an entry, in the place of one of the same contest, variant and seed."""
        key = (entry.contest, entry.variant, entry.seed)
        others = [e for e in self.entries if (e.contest, e.variant, e.seed) != key]
        return self.model_copy(update={"entries": [*others, entry]})

    def of(self, contest: str, variant: str) -> list[Entry]:
        """Entries of a contest and variant, by seed."""
        found = [e for e in self.entries if (e.contest, e.variant) == (contest, variant)]
        return sorted(found, key=lambda entry: entry.seed)


def _kept(entry: Entry) -> Entry:
    """What the page needs of an entry: all of a preset; of an ingredient what its nets reach."""
    values, shares, seconds = entry.values, entry.shares, entry.seconds
    if entry.variant not in {preset.name for preset in PRESETS}:
        values, shares, seconds = {NETS: values[NETS]}, {}, {}
    rounded = {"values": _rounded(values), "shares": _rounded(shares), "seconds": _rounded(seconds)}
    return entry.model_copy(update=rounded)


def _rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(figure, _DIGITS) for name, figure in figures.items()}
