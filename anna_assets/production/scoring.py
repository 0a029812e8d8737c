"""A launch scores all clients as of a period's end, as production wants it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from anna_assets.compute import scoring_threads
from anna_assets.layers.fresh_marts import require_fresh_histories
from anna_assets.layers.mart_assets import joint_version
from anna_assets.places import place
from anna_core.domains import Domain
from anna_core.periods import Period
from anna_resources.artifacts.folder import ArtifactFolder
from anna_resources.artifacts.production import Done
from anna_resources.clock import this_second
from anna_resources.warehouse import Warehouse

if TYPE_CHECKING:
    from anna_core.scoring.launch_model import LaunchModel


class PeriodScorer:
    """Scores periods by candidates; the models of the last one stay loaded."""

    def __init__(self, warehouse: Warehouse, domains: Iterable[Domain]) -> None:
        self._warehouse, self._domains = warehouse, tuple(domains)
        self._tag = ""
        self._model: LaunchModel | None = None

    def score(self, task: str, tag: str, at: Period) -> tuple[pl.DataFrame, Done]:
        """Score every client who has a history in any domain as of the end of a period.

        Returns:
            The scores as published, and what is known of them.

        Raises:
            MartsBehindError: a history is missing, or was made of other marts than there are.
            ArtifactError: the models, or a history, cannot be read.
        """
        from anna_core.scoring.published import published

        model = self._loaded(tag)
        read = {domain.name: domain for domain in self._domains if domain.name in model.nets}
        require_fresh_histories(self._warehouse, read.values(), at)
        # What they were made of is read with them: what the marts hold by now, a later look finds to be another.
        opened = {name: self._warehouse.history(domain, at).opened() for name, domain in read.items()}
        histories = {name: history for name, (history, _) in opened.items()}
        frame = published(model.score(histories, at.as_of, scoring_threads()), histories, tag)
        done = Done(
            task=task,
            period=str(at),
            as_of=at.as_of,
            model=tag,
            model_version=model.version,
            rows=len(frame),
            histories={name: made_of.digest for name, (_, made_of) in opened.items()},
            scored_at=this_second(),
        )
        return frame, done

    def _loaded(self, tag: str) -> "LaunchModel":
        if self._model is None or self._tag != tag:
            self._model, self._tag = self._warehouse.candidate(tag).model(), tag
        return self._model


def version_of(done: Done) -> str:
    """Data version of a period's scores."""
    return f"{done.model_version}-{joint_version(sorted(done.histories.values())).value}"


def facts_of(frame: pl.DataFrame, done: Done, stored: ArtifactFolder) -> dict[str, Any]:
    """What an asset's page says of a period's scores."""
    from anna_core.models.scores_file import score_columns
    from anna_core.scoring.published import EVENTS

    known = {name: int((frame[f"{EVENTS}{name}"] > 0).sum()) for name in done.histories}
    return {
        "dagster/row_count": len(frame),
        "ledger": done.model,
        "mean score": dg.MetadataValue.json({name: frame[name].mean() for name in score_columns(frame)}),
        "clients by domain": dg.MetadataValue.json(known),
        "path": place(stored.path),
    }
