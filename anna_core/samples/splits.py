"""Splits: which rows are trained on, which stop the training, and which are held out from every choice."""

import hashlib

import numpy as np
import polars as pl

from anna_core.columns.shares import percent
from anna_core.errors import SampleError
from anna_core.samples.column_names import AS_OF, CLIENT, GROUP, SPLIT
from anna_core.tasks.task import SplitSpec

TRAIN, VALID, TEST = "train", "valid", "test"
SPLITS = (TRAIN, VALID, TEST)
_BUCKETS = 100  # the hash divides clients by whole per cents
# An outcome with so many clients or fewer is divided evenly. If chance divided ten clients, none would validate in one
# case of six, and none would be tested on in one of nine.
_RARE_CLIENTS = 100
_SHORTEST_TAIL = 0.1  # the default is out of time only if the latest dates hold this share of the rows ...
_LONGEST_TAIL = 0.5  # ... and not more than this, so that enough is left to learn from


def assign_splits(rows: pl.DataFrame, spec: SplitSpec, outcomes: np.ndarray | None) -> tuple[np.ndarray, str]:
    """Divide a sample's n rows into training, validation and test rows.

    An uploaded `split` column decides; if it has no `valid`, validation rows are taken from its `train` rows. Otherwise
    the test rows are those of the latest as_of dates, or those of a share of the clients. Validation rows that ANNA
    picks belong to other clients than the training rows. Clients with the same `group_id` stay together. Where ANNA
    divides clients, those with a rare outcome are divided evenly.

    Args:
        rows: client_id, as_of and, optionally, group_id and split.
        spec: the task's settings of the split.
        outcomes: (n, m) bool, which of m outcomes each row has; None if the target is an amount.

    Returns:
        (n,) text, train, valid or test; and a sentence that says how the rows were divided.

    Raises:
        SampleError: the split column has other values or no train, or the split is to be out of time and the dates
            leave no row to train on.
    """
    key = client_key(rows)
    if SPLIT in rows.columns:
        split = _manual(rows[SPLIT])
        how, giant = "The sample's own split column is used", ""
    else:
        held_out, how, giant = _held_out(rows, key, spec, outcomes)
        split = np.where(held_out, TEST, TRAIN).astype("<U5")
    if not (split == VALID).any():
        train = split == TRAIN
        valid = _places(key, spec.seed + 1, train, outcomes) < spec.valid_share
        split[train] = np.where(valid, VALID, TRAIN)
        how += f"; {_counted(rows, key, split == VALID, split != TEST)} validate"
    else:
        how += _shared(rows, key, split, VALID, "validation flatters")
    if SPLIT in rows.columns:
        how += _shared(rows, key, split, TEST, "the test flatters") + _before(rows, split)
    return split, f"{how}.{giant}"


def refuse_empty_parts(split: np.ndarray, where: str, said: str) -> None:
    """Raise `SampleError` if no row validates, or none is held out.

    Args:
        split: (n,) as `assign_splits` returns it.
        where: begins the message.
        said: what was said of the sample; it tells how the parts came about.
    """
    if missing := [name for name in SPLITS if not (split == name).any()]:
        raise SampleError(
            f"{where}the sample has no {' and no '.join(missing)} rows. {said} Bring more clients, or a column split "
            "that says train, valid or test in each row."
        )


def assign_folds(
    rows: pl.DataFrame, split: np.ndarray, folds: int, seed: int, outcomes: np.ndarray | None
) -> np.ndarray:
    """Divide training and validation rows for cross-fitting: model k is fitted outside of fold k and judged inside it.

    The validation rows are fold 0. The training rows are divided by client (or group) among folds 1 to `folds` - 1, so
    that for every training and validation row there is a model that has not seen its client. If there is one fold, or
    the user brought validation rows, models are judged on validation rows only.

    Args:
        rows: client_id and, optionally, group_id and split, as uploaded.
        split: (n,) as `assign_splits` returns it.
        folds: number of folds.
        seed: of the hash that divides clients.
        outcomes: as in `assign_splits`.

    Returns:
        (n,) int8, each row's fold; -1 for test rows, and for training rows if only validation rows are judged on.
    """
    fold = np.where(split == VALID, 0, -1).astype(np.int8)
    manual = SPLIT in rows.columns and VALID in _manual(rows[SPLIT])
    if folds > 1 and not manual:
        train = split == TRAIN
        fold[train] = 1 + np.floor(_places(client_key(rows), seed + 2, train, outcomes) * (folds - 1)).astype(np.int8)
    return fold


def client_key(rows: pl.DataFrame) -> pl.Series:
    """The client that each row belongs to, text (n,): the row's `group_id` if it has one, else its `client_id`.

    Both are often plain numbers. If a group has the number of a client without a group, that client is called
    `client <id>`.
    """
    if GROUP not in rows.columns:
        return rows[CLIENT]
    group, client = pl.col(GROUP), pl.col(CLIENT)
    numbered_alike = client.is_in(rows[GROUP].drop_nulls().unique().implode())
    alone = pl.when(numbered_alike).then("client " + client).otherwise(client)
    return rows.select(pl.coalesce(group, alone)).to_series()


def client_buckets(key: pl.Series, seed: int) -> np.ndarray:
    """The bucket of each key, (n,) uint8, 0 to 99: `int(md5(f"{seed}:{key}")[:8], 16) % 100`, on every machine."""
    unique = key.unique()
    buckets = [_hash(value, seed) % _BUCKETS for value in unique]
    return key.replace_strict(unique, buckets, return_dtype=pl.UInt8).to_numpy()


def _hash(key: str, seed: int) -> int:
    return int(hashlib.md5(f"{seed}:{key}".encode()).hexdigest()[:8], 16)


def _places(key: pl.Series, seed: int, among: np.ndarray, outcomes: np.ndarray | None) -> np.ndarray:
    """Give the client of each row to be divided a place in [0, 1), where shares of the clients are then cut off.

    The place is the bucket of the client's hash. But the clients with a rare outcome are spaced evenly, in the order of
    their hashes, so that every share has its part of them.

    Args:
        key: (n,) the client that each row belongs to.
        seed: of the hash.
        among: (n,) bool, the m rows to be divided.
        outcomes: as in `assign_splits`.

    Returns:
        (m,) float64.
    """
    key = key.filter(pl.Series(among))
    place = client_buckets(key, seed) / np.float64(_BUCKETS)
    if outcomes is None:
        return place
    clients = [key.filter(pl.Series(has)).unique().to_list() for has in outcomes[among].T]
    stands: dict[str, float] = {}
    for its in sorted(clients, key=len, reverse=True):  # the rarest last: of a client's outcomes, it decides
        if len(its) <= _RARE_CLIENTS:
            its.sort(key=lambda name: (_hash(name, seed), name))
            stands |= {name: (rank + 0.5) / len(its) for rank, name in enumerate(its)}
    stand = key.replace_strict(list(stands), list(stands.values()), default=None, return_dtype=pl.Float64)
    return stand.fill_null(pl.Series(place)).to_numpy()


def _counted(rows: pl.DataFrame, key: pl.Series, part: np.ndarray, among: np.ndarray) -> str:
    """How many of the clients or groups among some rows are in a part of these, and what share of all rows that is."""
    inside, all_of_them = (key.filter(pl.Series(rows)).n_unique() for rows in (part, among))
    other = "" if among.all() else "the other "
    return f"{inside:,} of {other}{all_of_them:,} {_what_is_divided(rows)} ({percent(part.mean())} of the rows)"


def _what_is_divided(rows: pl.DataFrame) -> str:
    """What the keys of the rows are, in the plural: of clients with the same `group_id`, the group is one."""
    alone = rows[GROUP].null_count() if GROUP in rows.columns else len(rows)
    if alone == len(rows):
        return "clients"
    return "clients and groups" if alone else "groups"


def _shared(rows: pl.DataFrame, key: pl.Series, split: np.ndarray, part: str, so: str) -> str:
    """What is wrong with a part that has rows of clients of the training rows; empty where it is out of time.

    Out of time, which is when all rows of the parts before it have earlier dates, clients are in both by design.
    """
    trained, judged = (set(key.filter(pl.Series(split == name))) for name in (TRAIN, part))
    shared = len(trained & judged)
    is_before = np.isin(split, SPLITS[: SPLITS.index(part)])
    dates = rows[AS_OF].to_numpy()
    if not shared or dates[split == part].min() > dates[is_before].max():
        return ""
    return f"; {_what_is_divided(rows)} with rows in both train and {part}: {shared:,}, so {so}"


def _before(rows: pl.DataFrame, split: np.ndarray) -> str:
    """What is wrong with a test of which all rows are earlier than those to train on; empty where it is not so."""
    first, last = (rows[AS_OF].filter(pl.Series(split == name)) for name in (TRAIN, TEST))
    if not len(last) or last.max() >= first.min():  # type: ignore[operator]  # both are dates
        return ""
    return (
        f"; all test rows, up to {last.max()!s}, are earlier than all rows to train on, so models know what came "
        "after: hold out the latest instead"
    )


def _told_of_a_giant(rows: pl.DataFrame, key: pl.Series, share: float) -> str:
    """A sentence about the largest group, where it holds more of the rows than a part should; else empty."""
    if GROUP not in rows.columns:
        return ""
    groups = rows.filter(pl.Series(key == rows[GROUP]).fill_null(value=False))[GROUP].value_counts(sort=True)
    if not len(groups) or groups["count"][0] <= share * len(rows):
        return ""
    name, count = groups.row(0)
    return (
        f" Group {name!r} has {count:,} of {len(rows):,} rows, which stay together, so the parts cannot have their "
        "shares; where this group means that none is known, leave group_id empty."
    )


def _manual(column: pl.Series) -> np.ndarray:
    values = column.cast(pl.String).str.strip_chars().str.to_lowercase()
    if unknown := sorted(set(values.fill_null("(empty)")) - set(SPLITS)):
        raise SampleError(f"column split: found {unknown[:5]}; every row must say train, valid or test.")
    if not (values == TRAIN).any():
        raise SampleError("column split: no row says train; leave the column out, and ANNA divides the rows.")
    return values.to_numpy().astype("<U5")


def _held_out(
    rows: pl.DataFrame, key: pl.Series, spec: SplitSpec, outcomes: np.ndarray | None
) -> tuple[np.ndarray, str, str]:
    """The rows that are held out, (n,) bool; how they were chosen; and a sentence on a group that disturbs that."""
    by_date = rows.group_by(AS_OF).len().sort(AS_OF, descending=True)
    tail = by_date.with_columns(share=pl.col("len").cum_sum() / len(rows))
    enough = tail.filter(pl.col("share") >= spec.test_share)
    first, share = enough[AS_OF][0], enough["share"][0]
    possible = share < 1
    if spec.test == "out_of_time" and not possible:
        raise SampleError(
            "split: out_of_time needs as_of dates to hold out; this sample's dates leave no row to train on. "
            "Bring earlier dates, or say `split: {test: client}`."
        )
    if spec.test == "out_of_time" or (spec.test == "auto" and _SHORTEST_TAIL <= share <= _LONGEST_TAIL):
        held_out = (rows[AS_OF] >= first).to_numpy()
        return held_out, f"Out of time: rows as of {first} and later ({percent(share)}) are held out", ""
    everywhere = np.ones(len(rows), dtype=bool)
    held_out = _places(key, spec.seed, everywhere, outcomes) < spec.test_share
    how = f"By client: {_counted(rows, key, held_out, everywhere)} are held out"
    return held_out, how, _told_of_a_giant(rows, key, spec.test_share)
