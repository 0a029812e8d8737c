"""What models read: the sample, the events that its rows may see, and those that clients may see at a month's end."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import polars as pl
from pydantic import TypeAdapter, ValidationError

from anna_core.domains import Domain
from anna_core.errors import ArtifactError, TrainingError
from anna_core.samples.sample import Sample
from anna_core.sequences.ragged import Sequences
from anna_resources.artifacts.folder import ArtifactFolder

_DOMAINS_FILE, _TAG_FILE = "domains.json", "tag"
_Domains = TypeAdapter(list[Domain])
_Warnings = TypeAdapter(list[str])
_WARNINGS_FILE = "warnings.json"
_Content = TypeVar("_Content")
LEAK_FILE = "leak.txt"  # lies beside sequences with a leak: a blocking check stops its own run only


@dataclass(frozen=True)
class SampleFolder(ArtifactFolder):
    """A checked sample.

    Attributes:
        key: `<task>.<sample>`.
    """

    key: str

    def write(self, sample: Sample, domains: Sequence[Domain], warnings: Sequence[str], tag: str) -> None:
        """Replace the sample, the domains that its launch was planned with, what guards warn of, and its ledger tag."""
        with self.writing() as folder:
            sample.write(folder)
            (folder / _TAG_FILE).write_text(tag, encoding="utf-8")
            (folder / _DOMAINS_FILE).write_bytes(_Domains.dump_json(list(domains), indent=1))
            keep_warnings(folder, warnings)

    def read(self) -> Sample:
        """Read the sample; raises `ArtifactError` if there is none."""
        return Sample.open(self.key, self.current())

    def domains(self) -> list[Domain]:
        """The domains that the launch was planned with, as their files were then; the graph may have others by now.

        Raises:
            ArtifactError: there is no sample, or what lies there is damaged.
        """
        return _read_json(self.current() / _DOMAINS_FILE, _Domains)

    def warnings(self) -> list[str]:
        """What guards warn of, as sentences."""
        return _read_json(self.current() / _WARNINGS_FILE, _Warnings)

    def tag(self) -> str:
        """The launch's tag in the ledger. Raises `ArtifactError` where there is no sample."""
        return (self.current() / _TAG_FILE).read_text(encoding="utf-8")


@dataclass(frozen=True)
class SequencesFolder(ArtifactFolder):
    """The events of a domain that each row of a sample may see.

    Attributes:
        domain: its name.
        key: of the sample.
    """

    domain: str
    key: str

    def read(self, sample: Sample) -> Sequences:
        """Open the sequences of the sample's rows, in the order of the rows.

        Raises:
            ArtifactError: there are none, or they have other rows, because the sample was registered again since.
            TrainingError: a guard found a leak in them.
        """
        sequences = _open_clean(self.current(), f"sequences/{self.domain}")
        same = len(sequences) == len(sample) and (sequences.as_of == sample.rows["as_of"].to_numpy()).all()
        if not same or not pl.Series(sequences.client_id).equals(sample.rows["client_id"]):
            raise ArtifactError(
                f"sequences/{self.domain} of {self.key} have other rows than the sample has now: it was registered "
                "again. Materialize the sequences, and what hangs on them, again."
            )
        return sequences

    def warnings(self) -> list[str]:
        """What guards warn of, as sentences."""
        return _read_json(self.current() / _WARNINGS_FILE, _Warnings)


@dataclass(frozen=True)
class HistoryFolder(ArtifactFolder):
    """Every client's sequence of a domain as of a month's end.

    Attributes:
        domain: its name.
    """

    domain: str

    def read(self) -> Sequences:
        """Open the sequences, one row per client.

        Raises:
            ArtifactError: there are none.
            TrainingError: a guard found events in them that their rows may not see.
        """
        return _open_clean(self.current(), f"history/{self.domain}")


def mark_leak(folder: Path, found: str) -> None:
    """Write what a guard found beside the sequences in `folder`; every later reader is refused with these words."""
    (folder / LEAK_FILE).write_text(found, encoding="utf-8")


def keep_warnings(folder: Path, warnings: Sequence[str]) -> None:
    """Write what guards warn of beside the artifact in `folder`, for the report."""
    (folder / _WARNINGS_FILE).write_bytes(_Warnings.dump_json(list(warnings), indent=1))


def _read_json(file: Path, content: TypeAdapter[_Content]) -> _Content:
    try:
        return content.validate_json(file.read_bytes())
    except (FileNotFoundError, ValidationError) as error:
        raise ArtifactError(f"{file}: cannot be read. Materialize what lies in {file.parent} again.") from error


def _open_clean(folder: Path, asset: str) -> Sequences:
    leak = folder / LEAK_FILE
    if leak.exists():
        found = leak.read_text(encoding="utf-8")
        raise TrainingError(f"{asset} has a leak and cannot be used. {found} Then materialize {asset} again.")
    return Sequences.open(folder)
