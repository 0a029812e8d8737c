"""Where the bank's files go: atomic writes, and the refusal to mix two banks in one warehouse."""

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from anna_core.errors import AnnaError

SETTINGS_FILE = "simulated_bank.json"
COMPRESSION = "zstd"


class BankError(AnnaError):
    """The simulated bank cannot be made, or cannot be put there."""


def write_beside(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file under a hidden name in the same folder and move it into place: a reader never sees half of it.

    The hidden name is fixed, so whatever an interrupted run left behind is overwritten by the next one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(f".{path.name}.writing")
    write(hidden)
    os.replace(hidden, path)


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write a Parquet file atomically; the same table gives the same bytes."""
    write_beside(path, lambda hidden: pq.write_table(table, hidden, compression=COMPRESSION))


def write_text(text: str, path: Path) -> None:
    """Write a UTF-8 text file atomically."""

    def write(hidden: Path) -> None:
        hidden.write_text(text, encoding="utf-8", newline="\n")

    write_beside(path, write)


class BankWarehouse:
    """`<home>/warehouse`: one folder per domain, one per month of loading, one part file per block of clients."""

    def __init__(self, home: Path, settings: dict[str, str | int]) -> None:
        self.folder = home / "warehouse"
        self.settings = settings

    def part(self, domain: str, label: str, block: int) -> Path:
        """Return the path of one part file, `label` being the month of loading as `2023-01`."""
        return self.folder / domain / f"load_month={label}" / f"part-{block:03d}.parquet"

    def claim(self, parts: set[Path], folders: Iterable[Path], tables: Iterable[Path]) -> None:
        """Make sure that no files of others would be mixed in or overwritten, and leave this bank's settings there.

        Args:
            parts: every part file that this bank will write.
            folders: folders that may hold nothing but `parts`.
            tables: single files (samples, oracle) that this bank will write beside files of others.

        Raises:
            BankError: files of another bank, or of none, are already there.
        """
        mark = self.folder / SETTINGS_FILE
        if mark.exists():
            found = self._settings_of(mark)
            if found != self.settings:
                raise BankError(
                    f"{self.folder} holds a simulated bank of other settings ({found}, now {self.settings}): "
                    "give the same settings, another home, or remove that folder first."
                )
        ours = parts if mark.exists() else set()
        held = [p for folder in folders for p in sorted(folder.rglob("*")) if p.is_file()]
        strangers = [p for p in held if not p.name.startswith(".") and p not in ours]
        if not mark.exists():
            strangers += [p for p in tables if p.exists()]
        if strangers:
            raise BankError(
                f"{strangers[0]} ({len(strangers)} file(s) in all) was not written by this simulated bank: "
                "give another home, or move such files away first."
            )
        write_text(json.dumps({"settings": self.settings, "complete": False}, indent=2) + "\n", mark)

    def finish(self, summary: dict[str, object]) -> None:
        """Record that all files are there, with the counts."""
        content = {"settings": self.settings, "complete": True, "summary": summary}
        write_text(json.dumps(content, indent=2) + "\n", self.folder / SETTINGS_FILE)

    @staticmethod
    def _settings_of(mark: Path) -> dict[str, str | int]:
        try:
            found = json.loads(mark.read_text(encoding="utf-8"))["settings"]
        except (ValueError, KeyError, TypeError) as error:
            raise BankError(f"{mark} cannot be read as a simulated bank's settings: remove it.") from error
        return dict(found)
