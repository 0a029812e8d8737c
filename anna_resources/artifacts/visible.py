"""What models read: the sample, what its rows may see of a domain, and what all clients may at a month's end."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from pydantic import TypeAdapter, ValidationError

from anna_core.domains import Domain
from anna_core.errors import ArtifactError, TrainingError
from anna_core.samples.sample import Sample
from anna_core.sequences.ragged import Sequences
from anna_resources.artifacts.folder import ArtifactFolder

_DOMAINS_FILE = "domains.json"
_Domains = TypeAdapter(list[Domain])
LEAK_FILE = "leak.txt"  # beside sequences that have one: a blocking check holds in its own run only


@dataclass(frozen=True)
class SampleFolder(ArtifactFolder):
    """A checked sample.

    Attributes:
        key: `<task>.<sample>`.
    """

    key: str

    def write(self, sample: Sample, domains: Sequence[Domain]) -> None:
        """Keep the sample, and the domains that its launch was planned with."""
        with self.writing() as folder:
            sample.write(folder)
            (folder / _DOMAINS_FILE).write_bytes(_Domains.dump_json(list(domains), indent=1))

    def read(self) -> Sample:
        """The sample; raises `ArtifactError` where there is none."""
        return Sample.open(self.key, self.current())

    def domains(self) -> list[Domain]:
        """The domains that the launch was planned with, as their files were then; the graph's may be others by now.

        Raises:
            ArtifactError: there is no sample, or it was checked before launches kept their domains.
        """
        file = self.current() / _DOMAINS_FILE
        try:
            return _Domains.validate_json(file.read_bytes())
        except (FileNotFoundError, ValidationError) as error:
            raise ArtifactError(
                f"{file}: does not tell the domains of {self.key}, as an earlier version of ANNA checked it: "
                "materialize the sample again."
            ) from error


@dataclass(frozen=True)
class SequencesFolder(ArtifactFolder):
    """What the rows of a sample may see of a domain.

    Attributes:
        domain: its name.
        key: of the sample.
    """

    domain: str
    key: str

    def read(self, sample: Sample) -> Sequences:
        """The sequences of the sample's rows, in their order.

        Raises:
            ArtifactError: there are none, or they are of other rows: the sample was registered again since.
            TrainingError: they have a leak.
        """
        sequences = _open_clean(self.current(), f"sequences/{self.domain}")
        same = len(sequences) == len(sample) and (sequences.as_of == sample.rows["as_of"].to_numpy()).all()
        if not same or not pl.Series(sequences.client_id).equals(sample.rows["client_id"]):
            raise ArtifactError(
                f"sequences/{self.domain} of {self.key} have other rows than the sample has now: it was registered "
                "again. Materialize the sequences, and what hangs on them, again."
            )
        return sequences


@dataclass(frozen=True)
class HistoryFolder(ArtifactFolder):
    """Every client's sequence of a domain as of a month's end.

    Attributes:
        domain: its name.
    """

    domain: str

    def read(self) -> Sequences:
        """The sequences, a row a client.

        Raises:
            ArtifactError: there are none.
            TrainingError: some see too much.
        """
        return _open_clean(self.current(), f"history/{self.domain}")


def mark_leak(folder: Path, found: str) -> None:
    """Keep what a guard found beside the sequences in `folder`: whoever reads them is refused with these words."""
    (folder / LEAK_FILE).write_text(found, encoding="utf-8")


def _open_clean(folder: Path, asset: str) -> Sequences:
    leak = folder / LEAK_FILE
    if leak.exists():
        found = leak.read_text(encoding="utf-8")
        raise TrainingError(f"{asset} has a leak and cannot be used. {found} Then materialize {asset} again.")
    return Sequences.open(folder)
