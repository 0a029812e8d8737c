"""What models read: the sample, the events that its rows may see, and those that clients may see at a month's end."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from anna_core.domains import Domain
from anna_core.errors import ArtifactError, TrainingError
from anna_core.samples.sample import Sample
from anna_core.sequences.ragged import Sequences
from anna_resources.artifacts.folder import ArtifactFolder, read_json, write_json

_DOMAINS_FILE, _TAG_FILE = "domains.json", "tag"
_Domains = TypeAdapter(list[Domain])
_Warnings = TypeAdapter(dict[str, str])
_WARNINGS_FILE, _MADE_OF_FILE = "warnings.json", "made_of.json"
LEAK_FILE = "leak.txt"  # lies beside sequences with a leak: a blocking check stops its own run only


@dataclass(frozen=True)
class SampleFolder(ArtifactFolder):
    """A checked sample.

    Attributes:
        key: `<task>.<sample>`.
    """

    key: str

    def write(self, sample: Sample, domains: Sequence[Domain], warnings: Mapping[str, str], tag: str) -> None:
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
        return read_json(self.current() / _DOMAINS_FILE, _Domains)

    def warnings(self) -> dict[str, str]:
        """Name of each check that warns → what of, in sentences."""
        return read_warnings(self.current())

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

    def warnings(self) -> dict[str, str]:
        """Name of each check that warns → what of, in sentences."""
        return read_warnings(self.current())


class MadeOf(BaseModel):
    """What a history was made of.

    Attributes:
        window: the domain's rules of what a row may see, as a text.
        marts: key of each month of the mart that it reads and that was built → fingerprint of the month's rows.
    """

    model_config = ConfigDict(frozen=True)

    window: str
    marts: dict[str, str]

    @property
    def digest(self) -> str:
        """A digest of it, in hex."""
        return hashlib.blake2b(self.model_dump_json().encode(), digest_size=16).hexdigest()


_MadeOf = TypeAdapter(MadeOf)


@dataclass(frozen=True)
class HistoryFolder(ArtifactFolder):
    """Every client's sequence of a domain as of a period's end.

    Attributes:
        domain: its name.
        asset: name of the asset that makes it.
    """

    domain: str
    asset: str

    def read(self) -> Sequences:
        """Open the sequences, one row per client.

        Raises:
            ArtifactError: there are none.
            TrainingError: a guard found events in them that their rows may not see.
        """
        return _open_clean(self.current(), self.asset)

    def opened(self) -> tuple[Sequences, MadeOf]:
        """The sequences, and what these were made of; both of one version, whatever is written meanwhile.

        Raises:
            ArtifactError: as of `read`, or it is not on record what they were made of.
            TrainingError: as of `read`.
        """
        folder = self.current()
        return _open_clean(folder, self.asset), read_json(folder / _MADE_OF_FILE, _MadeOf)

    def made_of(self) -> MadeOf | None:
        """What it was made of; None where there is no history, or that is not on record."""
        try:
            return MadeOf.model_validate_json((self.current() / _MADE_OF_FILE).read_bytes())
        except (ArtifactError, FileNotFoundError, ValidationError):
            return None


def keep_made_of(folder: Path, made_of: MadeOf) -> None:
    """Write what a history was made of beside it in `folder`."""
    write_json(folder / _MADE_OF_FILE, made_of)


def mark_leak(folder: Path, found: str) -> None:
    """Write what a guard found beside the sequences in `folder`; every later reader is refused with these words."""
    (folder / LEAK_FILE).write_text(found, encoding="utf-8")


def keep_warnings(folder: Path, warnings: Mapping[str, str]) -> None:
    """Write what guards warn of, by check, beside the artifact in `folder`, for the report and the gates."""
    (folder / _WARNINGS_FILE).write_bytes(_Warnings.dump_json(dict(warnings), indent=1))


def read_warnings(folder: Path) -> dict[str, str]:
    """What `keep_warnings` wrote. Raises `ArtifactError` where it did not, or not in this form."""
    return read_json(folder / _WARNINGS_FILE, _Warnings)


def _open_clean(folder: Path, asset: str) -> Sequences:
    leak = folder / LEAK_FILE
    if leak.exists():
        found = leak.read_text(encoding="utf-8")
        raise TrainingError(f"{asset} has a leak and cannot be used. {found} Then materialize {asset} again.")
    return Sequences.open(folder)
