"""Scores on disk: one Parquet file with client_id, as_of, one column per score and the version of the model."""

from pathlib import Path

import numpy as np
import polars as pl

from anna_core.errors import ArtifactError


def score_frame(
    client_id: pl.Series, as_of: pl.Series, scores: np.ndarray, names: tuple[str, ...], model_version: str
) -> pl.DataFrame:
    """One row per client: client_id, as_of, the K score columns (float32), model_version.

    Args:
        client_id: (n,) text.
        as_of: (n,) dates.
        scores: (n, K).
        names: names of the K columns.
        model_version: data version of the model that made them.
    """
    columns = {name: scores[:, k].astype(np.float32) for k, name in enumerate(names)}
    frame = pl.DataFrame({"client_id": client_id, "as_of": as_of, **columns})
    return frame.with_columns(model_version=pl.lit(model_version, dtype=pl.String))


def read_scores(path: Path, names: tuple[str, ...]) -> np.ndarray:
    """Read the scores (n, K) from a file.

    Raises:
        ArtifactError: the file is missing or lacks a score.
    """
    try:
        return pl.read_parquet(path, columns=list(names), glob=False).to_numpy().astype(np.float32)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ArtifactError(f"{path}: no scores that ANNA can read; materialize the asset again: {error}") from error


def score_columns(frame: pl.DataFrame) -> list[str]:
    """Names of the score columns of a frame of scores: `score`, or `score_<class or label>` each."""
    return [name for name in frame.columns if name == "score" or name.startswith("score_")]


def decile_of(score: str) -> str:
    """Name of the column that has the deciles of a score."""
    return f"decile{score.removeprefix('score')}"
