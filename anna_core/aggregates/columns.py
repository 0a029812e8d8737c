"""Hand-made aggregates of sequences: the input of boosting, which every net is compared with.

They are those of the benchmark's peer (counts, recency, spans, counts and shares by category, sums, means, extremes and
last values of numbers, and the same over the last days), sums and means of numbers by category, which help trees
(docs/quality.md), and the order of codes (`order.py`). All are computed from the row's own events.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl

from anna_core.aggregates.events import WINDOWS, RowEvents, blocks, ratio, spans
from anna_core.aggregates.order import Gaps, order_columns
from anna_core.domains import Domain
from anna_core.sequences.ragged import Sequences

TOP_CODES = 100  # codes per field that get columns of their own; rarer ones have too few events to learn from
# Codes per field that are also counted by window and have their numbers summed; with more of them, columns would
# outnumber the rows of small samples.
DETAILED_CODES = 20
LAST_EVENTS = 3  # latest events whose values become columns: order matters most at the end of a sequence

Columns = dict[str, np.ndarray]


def top_codes(sequences: Sequences, rows: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """The most frequent codes of each coded field, at most `TOP_CODES`, the most frequent first.

    Args:
        sequences: n rows.
        rows: (n,) bool, the rows that count (the training rows); None means all.
    """
    totals = {name: np.zeros(0, dtype=np.int64) for name in sequences.domain.coded}
    seen = 0
    for block in blocks(sequences):
        position = block.position if rows is None else block.position[rows[seen : seen + block.n][block.row]]
        seen += block.n
        for name, total in totals.items():
            counts = np.bincount(sequences.columns[name][position], minlength=len(total))
            counts[: len(total)] += total
            totals[name] = counts
    return {name: _most_frequent(total) for name, total in totals.items()}


def aggregate(
    sequences: Sequences, codes: Mapping[str, np.ndarray] | None = None, threads: int = 1, order: bool = True
) -> pl.DataFrame:
    """The same as a frame, whose making takes longer than the columns where there are few rows."""
    return pl.DataFrame(aggregate_columns(sequences, codes, threads, order))


def aggregate_columns(
    sequences: Sequences, codes: Mapping[str, np.ndarray] | None = None, threads: int = 1, order: bool = True
) -> Columns:
    """Aggregates of one domain, one row for each row of the sequences.

    Args:
        sequences: n rows; their windows may share events.
        codes: coded field → codes that get columns, from `top_codes`; None: the top codes of these sequences.
        threads: number of threads that work side by side; the result does not depend on it.
        order: whether to add columns about the order of codes.

    Returns:
        F columns (n,) float32, `<domain>__…`; where a row has no events, counts and sums are 0 and all else is NaN.
    """
    codes = top_codes(sequences) if codes is None else codes
    blocks_ = list(spans(sequences)) or [(0, 0)]
    if len(blocks_) == 1:
        parts = [_block(sequences, codes, order, *blocks_[0])]
    else:
        with ThreadPoolExecutor(threads) as pool:  # NumPy releases Python's lock while it computes
            parts = list(pool.map(lambda span: _block(sequences, codes, order, *span), blocks_))
    prefix, first = f"{sequences.domain.name}__", parts[0]
    if len(parts) == 1:
        return {prefix + name: column for name, column in first.items()}
    return {prefix + name: np.concatenate([part[name] for part in parts]) for name in first}


def code_columns(domain: Domain) -> set[str]:
    """Names of the aggregates that are codes, and so have no meaningful order."""
    return {f"{domain.name}__{name}__{_last(back)}" for name in domain.coded for back in range(LAST_EVENTS)}


def _last(back: int) -> str:
    return f"last_{back}" if back else "last"


def _block(sequences: Sequences, codes: Mapping[str, np.ndarray], order: bool, first: int, end: int) -> Columns:
    block = RowEvents.gather(sequences, first, end)
    columns = _times(sequences, block)
    numbers = {name: sequences.columns[name][block.position].astype(np.float64) for name in sequences.domain.numeric}
    gaps = Gaps.of(block) if order else None
    for name in sequences.domain.coded:
        values, known = sequences.columns[name][block.position], codes[name]
        group = _places(values, known)
        made = _coded(block, values, group, known, numbers, gaps)
        columns |= {f"{name}__{key}": column for key, column in made.items()}
    for name, values in numbers.items():
        columns |= {f"{name}__{key}": column for key, column in _number(block, values).items()}
    return {name: column.astype(np.float32) for name, column in columns.items()}


def _times(sequences: Sequences, block: RowEvents) -> Columns:
    events = block.length.astype(np.float64)
    newest, oldest = block.last(block.age), block.reduce(np.maximum, block.age)
    day = np.ceil(block.age)  # an event at midnight is a whole number of days old and belongs to the day that begins
    new_day = np.concatenate([[True], (day[1:] != day[:-1]) | (block.row[1:] != block.row[:-1])])[: len(day)]
    active_days = block.count(weight=new_day.astype(np.float64))[:, 0]
    columns = {
        "events": events,
        "days_since_last": newest,
        "days_since_first": oldest,
        "span_days": oldest - newest,
        "active_days": active_days,
        "events_per_active_day": ratio(events, active_days),
        "mean_gap_days": ratio(oldest - newest, events - 1),
    }
    for back in range(1, LAST_EVENTS):
        columns[f"days_since_last_but_{back}"] = block.last(block.age, back)
    _, recent = block.count_by_window()
    for days, count in zip(WINDOWS, recent[:, 0].T, strict=True):
        columns[f"events_{days}d"] = count
        columns[f"events_{days}d__share"] = ratio(count, events)
    return columns


def _places(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Index (G,) int16 of each value among the codes; -1 where it is not one of them."""
    place = np.full(max(int(values.max(initial=0)), int(codes.max(initial=0))) + 1, -1, dtype=np.int16)
    place[codes] = np.arange(len(codes), dtype=np.int16)
    return place[values]


def _coded(
    block: RowEvents,
    values: np.ndarray,
    group: np.ndarray,
    codes: np.ndarray,
    numbers: Columns,
    gaps: Gaps | None,
) -> Columns:
    counts = block.count(group, len(codes))
    frequent = min(len(codes), DETAILED_CODES)
    detailed = np.where(group < frequent, group, -1)
    _, recent = block.count_by_window(detailed, frequent)
    shares = ratio(counts, block.length[:, None].astype(np.float64))
    columns = {"distinct": (counts > 0).sum(axis=1).astype(np.float64)}
    for back in range(LAST_EVENTS):
        columns[_last(back)] = block.last(values, back)
    for i, code in enumerate(codes):
        columns[f"{code}__count"], columns[f"{code}__share"] = counts[:, i], shares[:, i]
    for place, days in enumerate(WINDOWS):
        columns |= {f"{code}__count_{days}d": recent[:, i, place] for i, code in enumerate(codes[:frequent])}
    for name, amounts in numbers.items():
        known = ~np.isnan(amounts)
        sums = block.count(detailed, frequent, np.where(known, amounts, 0.0))
        means = ratio(sums, counts[:, :frequent] if known.all() else block.count(detailed, frequent, known))
        for i, code in enumerate(codes[:frequent]):
            columns[f"{code}__{name}__sum"], columns[f"{code}__{name}__mean"] = sums[:, i], means[:, i]
    if gaps is not None:
        columns |= order_columns(block, group, codes, counts, recent[:, :, -1], gaps)
    return columns


def _number(block: RowEvents, values: np.ndarray) -> Columns:
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    (count, recent_count), (total, recent_total) = (
        (whole[:, 0], recent[:, 0])
        for whole, recent in (
            block.count_by_window(weight=known.astype(np.float64)),
            block.count_by_window(weight=filled),
        )
    )
    mean = ratio(total, count)
    deviation = np.where(known, values - mean[block.row], 0.0)
    columns = {
        "missing": block.length - count,
        "sum": total,
        "sum_positive": block.count(weight=np.maximum(filled, 0))[:, 0],
        "sum_negative": block.count(weight=np.minimum(filled, 0))[:, 0],
        "mean": mean,
        "std": np.sqrt(ratio(block.count(weight=deviation**2)[:, 0], count)),
        "min": block.reduce(np.fmin, values),
        "max": block.reduce(np.fmax, values),
        "first": block.first(values),
    }
    for back in range(LAST_EVENTS):
        columns[_last(back)] = block.last(values, back)
    for place, days in enumerate(WINDOWS):
        recent = block.age <= days
        columns[f"sum_{days}d"] = recent_total[:, place]
        columns[f"mean_{days}d"] = ratio(recent_total[:, place], recent_count[:, place])
        columns[f"max_{days}d"] = block.reduce(np.fmax, np.where(recent, values, np.nan))
        columns[f"min_{days}d"] = block.reduce(np.fmin, np.where(recent, values, np.nan))
    return columns


def _most_frequent(counts: np.ndarray) -> np.ndarray:
    order = np.argsort(-counts, kind="stable")[:TOP_CODES]
    return order[counts[order] > 0]
