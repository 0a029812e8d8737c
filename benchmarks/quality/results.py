"""Every entry, kept from run to run in benchmarks/quality.json."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel

from anna_core.storage import write_text
from benchmarks.quality.entry import Entry

FILE = Path(__file__).parents[1] / "quality.json"


class Results(BaseModel):
    """Entries, by contest, variant and seed."""

    entries: list[Entry] = []

    @classmethod
    def load(cls) -> Self:
        """Read the file; nothing where there is none."""
        return cls.model_validate_json(FILE.read_bytes()) if FILE.exists() else cls()

    def save(self) -> None:
        """Write the file."""
        write_text(FILE, self.model_dump_json(indent=1))

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
