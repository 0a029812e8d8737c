"""Scores of all clients of some histories, by a model in a folder."""

from pathlib import Path

import numpy as np
import polars as pl

from anna_core.errors import ArtifactError
from anna_core.periods import Cadence
from anna_core.scoring.launch_model import LaunchModel
from anna_core.scoring.published import published
from anna_core.sequences.ragged import Sequences
from anna_core.storage import has_directory, read_directory, why_removed


def score_histories(model: Path, histories: Path, period: str | None, threads: int) -> pl.DataFrame:
    """Score every client who has a history in any domain that the model reads.

    Args:
        model: folder of a launch's model.
        histories: a folder with one for each domain, in it the domain's sequences, or an artifact of them, or of each
            period, as `month=2024-03`.
        period: which, as a text, where they are of several; or the name of its folder.
        threads: number of CPU threads.

    Returns:
        One row per client, see `published`; the same bits as production's scores.

    Raises:
        ArtifactError: a history is missing, they are as of different dates, or something is damaged.
    """
    loaded = LaunchModel.load(model)
    folders = {name: _of_period(histories / name, period) for name in loaded.nets}
    if missing := sorted(str(folder) for folder in folders.values() if not folder.is_dir()):
        raise ArtifactError(f"{', '.join(missing)}: no such folder; {loaded.facts.tag} reads a history there.")
    read = {name: Sequences.open(_version(folder)) for name, folder in folders.items()}
    dates = np.unique(np.concatenate([one.as_of for one in read.values()])).tolist()
    if len(dates) > 1:
        raise ArtifactError(
            f"{histories}: clients as of {', '.join(map(str, dates[:3]))}; the histories of one run are as of one date."
        )
    if not dates:
        raise ArtifactError(f"{histories}: no client has a history.")
    return published(loaded.score(read, dates[0], threads), read, loaded.facts.tag)


def _of_period(folder: Path, period: str | None) -> Path:
    """The folder of a period within that of a domain; where there is none, that of a month.

    Raises:
        ArtifactError: a week and a day begin then, as where production scored first the ones and then the others.
    """
    if period is None:
        return folder
    named = [folder / period] if "=" in period else [folder / f"{cadence}={period}" for cadence in Cadence]
    there = [one for one in named if one.is_dir()]
    held = [one for one in there if not why_removed(one)] or there
    if len(held) > 1:
        texts = [one.name for one in held]
        raise ArtifactError(f"{folder} has {' and '.join(texts)}: say which, such as --period {texts[0]}.")
    return held[0] if held else named[0]


def _version(folder: Path) -> Path:
    """A folder of sequences, which may be given as an artifact with versions."""
    return read_directory(folder) if has_directory(folder) else folder
