"""What people read: the report of a launch, and the scores that its models give all clients at past months' ends."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from anna_core import storage
from anna_core.errors import ArtifactError
from anna_resources.artifacts.folder import ArtifactFolder

if TYPE_CHECKING:
    from anna_core.models.vectors_file import StoredVectors

_HTML, _LEADERBOARD = "report.html", "leaderboard.json"


class ReportFiles(NamedTuple):
    """The files of one version of a report: its page, and its leaderboard as JSON."""

    html: Path
    leaderboard: Path


@dataclass(frozen=True)
class ReportFolder(ArtifactFolder):
    """The report of a launch."""

    def write(self, html: str, leaderboard: Sequence[Mapping[str, Any]], plots: Mapping[str, bytes]) -> ReportFiles:
        """Replace the report.

        Args:
            html: the whole page, in one self-contained file.
            leaderboard: its rows, of values that JSON can hold.
            plots: name → the bytes of a PNG file.

        Returns:
            The files of the new version.
        """
        with self.writing() as folder:
            (folder / _HTML).write_text(html, encoding="utf-8")
            (folder / _LEADERBOARD).write_text(json.dumps(leaderboard, indent=1), encoding="utf-8")
            for name, png in plots.items():
                (folder / f"{name}.png").write_bytes(png)
        return self.files()

    def files(self) -> ReportFiles:
        """The files of the current version; raises `ArtifactError` where there is none."""
        folder = self.current()
        return ReportFiles(folder / _HTML, folder / _LEADERBOARD)


@dataclass(frozen=True)
class VectorsFile:
    """The embeddings and scores that a domain's nets give all clients as of a month's end: one Parquet file.

    Attributes:
        path: of the file.
    """

    path: Path

    def write(self, vectors: "StoredVectors", score_names: tuple[str, ...]) -> None:
        """Replace the file."""
        with storage.write_file(self.path) as temporary:
            vectors.write(temporary, score_names)

    def read(self) -> "StoredVectors":
        """The vectors; raises `ArtifactError` where there are none."""
        from anna_core.models.vectors_file import StoredVectors

        return StoredVectors.read(self.path)


@dataclass(frozen=True)
class ScoresFile:
    """The scores of all clients as of a month's end: one Parquet file with one row per client, see `score_frame`.

    Attributes:
        path: of the file.
    """

    path: Path

    def write(self, scores: pl.DataFrame) -> None:
        """Replace the file."""
        with storage.write_file(self.path) as temporary:
            scores.write_parquet(temporary)

    def read(self) -> pl.DataFrame:
        """The scores.

        Raises:
            ArtifactError: there are none.
        """
        try:
            return pl.read_parquet(self.path, glob=False)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise ArtifactError(
                f"{self.path}: no scores that ANNA can read; materialize the asset again: {error}"
            ) from error
