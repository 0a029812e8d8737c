"""What a period's scores look like beside those that the model was judged on, and beside the period before."""

import datetime as dt
from collections.abc import Callable, Mapping

import numpy as np
import polars as pl
from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from anna_core.analytics.drift import DomainShares, drift_by_chance, field_drift, shares_of
from anna_core.analytics.performance import Figure, Performance
from anna_core.metrics.stability import chance, psi
from anna_core.models.scores_file import decile_of, score_columns
from anna_core.periods import Period
from anna_core.sequences.ragged import Sequences


class Along(BaseModel):
    """A challenger's scores beside the champion's, of the same clients.

    Attributes:
        model: tag of the challenger.
        scored_at: when it scored.
        moved: score → share of the clients whose decile is another; empty where it predicts something else.
        measured: the task's metric on the clients whose outcome is known; None while none is.
        lead: by how much that is better than the champion's; likewise.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    scored_at: dt.datetime
    moved: dict[str, float] = {}
    measured: Figure | None = None
    lead: Figure | None = None


class Moves(BaseModel):
    """How far a period's scores, and what they are made from, moved.

    Attributes:
        period: as in 2024-03.
        clients: number of clients.
        clients_before: those of the period before; None where that was not scored.
        means: score → its mean.
        score_drift: score → stability index against the scores of the rows that the model was judged on; empty where
            there are no clients.
        score_drift_before: score → likewise, against the period before; empty where that was not scored by the same
            model.
        by_chance: what the former index may be without any drift; 0 where there are no clients.
        moved: score → share of the clients of both periods whose decile is another; empty as above.
        covered: domain → share of the clients that have an event in it.
        covered_then: domain → likewise, of the rows that the model was trained and judged on.
        field_drift: `<domain>.<field>` → stability index against these rows, the largest first.
        fields_by_chance: likewise → the index that so few clients show by chance.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    period: str = Field(validation_alias=AliasChoices("period", "month"))
    clients: int
    clients_before: int | None
    means: dict[str, float]
    score_drift: dict[str, float]
    score_drift_before: dict[str, float]
    by_chance: float
    moved: dict[str, float]
    covered: dict[str, float]
    covered_then: dict[str, float]
    field_drift: dict[str, float]
    fields_by_chance: dict[str, float]

    @property
    def volume_change(self) -> float | None:
        """By which share there are more clients than the period before, fewer if negative; None where nobody knows."""
        return self.clients / self.clients_before - 1 if self.clients_before else None


class Monitoring(Moves):
    """A period's scores, watched.

    Attributes:
        model: tag of the launch that scored.
        scored_at: when the scores were made that were looked at.
        metric: name of the task's metric.
        expected: that metric, as the scores expect it of themselves; see `performance.expected`.
        performance: how good the scores were; None while no outcome is known.
        outcomes: digest of the outcomes that were looked at; empty where there were none.
        along: how the challenger's scores compare; None where nobody scored along.
    """

    model: str
    scored_at: dt.datetime
    metric: str
    expected: float | None
    performance: Performance | None
    outcomes: str
    along: Along | None


def moves(
    period: Period,
    scores: pl.DataFrame,
    judged: np.ndarray,
    reference: Mapping[str, DomainShares],
    histories: Mapping[str, Sequences],
    before: pl.DataFrame | None,
) -> Moves:
    """Hold a period's scores against those that the model was judged on, and against the period before's.

    Args:
        period: which.
        scores: as published, a row a client.
        judged: (m, K) scores of the rows that the model was judged on, by models that were not fitted on them.
        reference: domain → how the events of the launch's rows are distributed.
        histories: domain → the sequences that were scored.
        before: the published scores of the period before; None where there are none.
    """
    names = score_columns(scores)
    some = bool(len(judged) and len(scores))  # else nothing can be compared, and no figure of it is a number
    drift = {name: psi(judged[:, place], scores[name].to_numpy()) for place, name in enumerate(names) if some}
    same = before if before is not None and len(before) and len(scores) else None
    if same is not None and same["model"][0] != scores["model"][0]:
        same = None  # another model's scores lie elsewhere
    found = {name: shares_of(history, reference[name], len(scores)) for name, history in histories.items()}
    fields = _by_field(field_drift, reference, found)
    return Moves(
        period=str(period),
        clients=len(scores),
        clients_before=None if before is None else len(before),
        means={name: _mean(scores[name].to_numpy()) for name in names},
        score_drift=drift,
        score_drift_before={}
        if same is None
        else {name: psi(same[name].to_numpy(), scores[name].to_numpy()) for name in names},
        by_chance=chance(len(judged), len(scores)) if some else 0.0,
        moved={} if same is None else decile_moves(same, scores),
        covered={name: shares.covered for name, shares in found.items()},
        covered_then={name: reference[name].covered for name in found},
        field_drift=dict(sorted(fields.items(), key=lambda field: -field[1])),
        fields_by_chance=_by_field(drift_by_chance, reference, found),
    )


def _by_field(
    figure: Callable[[DomainShares, DomainShares], dict[str, float]],
    reference: Mapping[str, DomainShares],
    found: Mapping[str, DomainShares],
) -> dict[str, float]:
    """`<domain>.<field>` → a figure of two distributions."""
    return {
        f"{name}.{field}": value
        for name, shares in found.items()
        for field, value in figure(reference[name], shares).items()
    }


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else 0.0


def decile_moves(before: pl.DataFrame, scores: pl.DataFrame) -> dict[str, float]:
    """Score → share of the clients of both whose decile is another; empty where there are none of both."""
    names = score_columns(scores)
    columns = [decile_of(name) for name in names]
    both = scores.select("client_id", *columns).join(
        before.select("client_id", *columns), on="client_id", suffix=" then"
    )
    if both.is_empty():
        return {}
    return {
        name: _mean((both[column] != both[f"{column} then"]).to_numpy())
        for name, column in zip(names, columns, strict=True)
    }
