"""Leakage: is there a field, or a date, that gives the target away all by itself?

Such a field is mostly filled in after the outcome (a closing code, a collection flag) and will be empty, or different,
when the model is used. A model fitted on it looks splendid and is worthless, so this is checked before any training.
"""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import polars as pl

from anna_core.aggregates.columns import aggregate
from anna_core.domains import Domain
from anna_core.durations import DAY
from anna_core.errors import TaskError
from anna_core.guards.rows import client_folds, pick_rows
from anna_core.guards.strength import Outcome, Strength, outcomes, strength, why_not
from anna_core.guards.wording import column_in_words
from anna_core.marts.dictionary import Dictionary
from anna_core.samples.drawing import strata
from anna_core.samples.sample import Sample
from anna_core.samples.splits import TEST
from anna_core.sequences.ragged import Sequences
from anna_core.tasks.task import Task

# Of Gini, or of the rank correlation of amounts. The first lies clearly above the strongest honest field of real tasks
# (docs/quality.md); what reaches the second alone has seen the outcome.
WARN, BLOCK = 0.85, 0.975
MOST_ROWS, MOST_EVENTS = 20_000, 2_000_000  # that are examined at most: seconds for ten fields


class Verdict(StrEnum):
    """What a probe's figure means."""

    HARMLESS = "harmless"
    ALLOWED = "allowed"
    SUSPICIOUS = "suspicious"
    LEAK = "leak"


@dataclass(frozen=True)
class Finding:
    """What one probe found.

    Attributes:
        subject: `<domain>.<field>`, what `history_of` gives, or `as_of`.
        strength: how well the subject alone predicts the target.
        told_by: the aggregate that predicts it, in words.
        verdict: what follows from it.
    """

    subject: str
    strength: Strength
    told_by: str
    verdict: Verdict


@dataclass(frozen=True)
class Probes:
    """What all probes of a domain, or of a sample, found.

    Attributes:
        findings: the strongest first.
        rows: number of rows examined.
        not_probed: why nothing was probed; empty if something was.
    """

    findings: tuple[Finding, ...] = ()
    rows: int = 0
    not_probed: str = ""

    def of(self, verdict: Verdict) -> list[Finding]:
        """The findings with this verdict."""
        return [finding for finding in self.findings if finding.verdict is verdict]


@dataclass(frozen=True)
class _Bench:
    """Rows to probe on: their outcomes, clients and folds, each (m,); `rows` are their positions in the sample."""

    rows: np.ndarray
    told: list[Outcome]
    client: np.ndarray
    fold: np.ndarray
    not_probed: str

    @classmethod
    def of(cls, sample: Sample, length: np.ndarray) -> "_Bench":
        candidates = np.flatnonzero(sample.split != TEST)
        stratum = strata(sample.target, sample.task)[candidates]
        rows = pick_rows(candidates, stratum, length[candidates], MOST_ROWS, MOST_EVENTS)
        return cls.on(sample, rows)

    @classmethod
    def on(cls, sample: Sample, rows: np.ndarray) -> "_Bench":
        client, fold = client_folds(sample.rows[rows])
        every = outcomes(sample.target[rows], sample.task)
        reasons = [why_not(outcome, client, fold) for outcome in every]
        told = [outcome for outcome, reason in zip(every, reasons, strict=True) if not reason]
        return cls(rows, told, client, fold, "" if told else reasons[0])

    def strength(self, features: pl.DataFrame, codes: Sequence[str] = ()) -> Strength:
        return strength(features, self.told, self.client, self.fold, codes)


def history_of(domain: Domain) -> str:
    """The subject of the probe of the times of a domain's events."""
    return f"the times of the events of {domain.name}"


def probe_domain(sequences: Sequences, sample: Sample, dictionary: Dictionary) -> Probes:
    """Probe every field of a domain alone, and the times of its events without any field.

    Only rows outside the test are examined. A field is suspected only if the lower end of its confidence interval
    passes a threshold: a few rows are no evidence. The times of the events (how many, since when, how long ago) can at
    most lead to a warning: a client going quiet may well be what the target is about. Where the times are suspicious,
    they would show through the counts of every field, so fields are then judged by their last event's value alone.

    Args:
        sequences: of the sample's n rows.
        sample: gives the target; its task's `guards.allow` names fields that may pass.
        dictionary: gives the values behind codes, for the wording.
    """
    bench = _Bench.of(sample, sequences.length)
    if bench.not_probed or not sequences.length[bench.rows].any():
        return Probes(rows=len(bench.rows), not_probed=bench.not_probed or "no row has events")
    domain, part = sequences.domain, sequences.take(bench.rows)
    times = aggregate(_with_fields(part), order=False)
    history = _finding(history_of(domain), bench.strength(times), part, dictionary)
    if history.verdict is not Verdict.HARMLESS:
        seen = part.length > 0
        bench, part = _Bench.on(sample, bench.rows[seen]), _last_events(part.take(seen))
    findings = [history]
    if bench.told:
        for field in domain.fields:
            features = aggregate(_with_fields(part, field), order=False).drop(times.columns)
            codes = [f"{domain.name}__{field}__last"] if field in domain.coded else []
            found = bench.strength(features, codes)
            allowed = f"{domain.name}.{field}" in sample.task.guards.allow
            findings.append(_finding(f"{domain.name}.{field}", found, part, dictionary, blocks=True, allowed=allowed))
    return Probes(_sorted(findings), len(bench.rows))


def probe_as_of(sample: Sample) -> Probes:
    """Probe the as_of date alone: do rows with and without the outcome come from different dates?"""
    if sample.rows["as_of"].n_unique() == 1:
        return Probes(not_probed="all rows have one date")
    bench = _Bench.of(sample, np.zeros(len(sample), dtype=np.int32))
    if bench.not_probed:
        return Probes(rows=len(bench.rows), not_probed=bench.not_probed)
    date = sample.rows["as_of"][bench.rows].dt
    columns = {"the date itself": date.epoch("d"), "the day of the month": date.day(), "the weekday": date.weekday()}
    found = bench.strength(pl.DataFrame(columns).cast(pl.Float32))
    told_by = found.columns[0] if found.columns else ""
    return Probes((Finding("as_of", found, told_by, _verdict(found.low, blocks=False)),), len(bench.rows))


def require_known(task: Task, domains: Iterable[Domain]) -> None:
    """Raise `TaskError` if a task allows a field that no domain has: with a typo, nothing would be allowed."""
    known = [f"{domain.name}.{field}" for domain in domains for field in domain.fields]
    for name in task.guards.allow:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3) or known
            raise TaskError(
                f"task '{task.name}': guards.allow names '{name}', a field that no domain has. "
                f"Write <domain>.<field>, as in {', '.join(near)}."
            )


def _finding(
    subject: str,
    found: Strength,
    sequences: Sequences,
    dictionary: Dictionary,
    *,
    blocks: bool = False,
    allowed: bool = False,
) -> Finding:
    told_by = column_in_words(found.columns[0], sequences.domain, dictionary) if found.columns else ""
    return Finding(subject, found, told_by, _verdict(found.low, blocks=blocks, allowed=allowed))


def _verdict(low: float, *, blocks: bool, allowed: bool = False) -> Verdict:
    if low < WARN:
        return Verdict.HARMLESS
    if allowed:
        return Verdict.ALLOWED
    return Verdict.LEAK if blocks and low >= BLOCK else Verdict.SUSPICIOUS


def _with_fields(sequences: Sequences, *fields: str) -> Sequences:
    """The same sequences as if their domain had only these fields."""
    kept = {name: kind for name, kind in sequences.domain.fields.items() if name in fields}
    domain = sequences.domain.model_copy(update={"fields": kept})
    return replace(sequences, meta=sequences.meta.model_copy(update={"domain": domain}))


def _last_events(sequences: Sequences) -> Sequences:
    """Each row's last event alone, dated a day before as_of: no trace of the history is left. No row may be empty."""
    last = sequences.start + sequences.length - 1
    return replace(
        sequences,
        start=np.arange(len(last)),
        length=np.ones(len(last), dtype=np.int32),
        event_time=sequences.as_of.astype("datetime64[us]").astype(np.int64) - DAY,
        columns={name: column[last] for name, column in sequences.columns.items()},
    )


def _sorted(findings: list[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: -finding.strength.low))
