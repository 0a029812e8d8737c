"""Events that were delivered more than once: which delivery is kept, even if they lie in different months.

A month is built by itself, within bounded memory, so it cannot know that another month corrects one of its events. The
observation finds out: for every file it stores the identities of its events in sorted runs, beside the source's state,
and compares the runs of all files. The result is, for each month, the list of its events that another month supersedes.
An event takes 10 bytes, or 26 in a domain with versions, all of which are read whenever a file changes (measured: 2 to
4 seconds of CPU time for 20 million events).

One file delivers an event once. A key that it has twice, without versions, is that of two events: they clash.
"""

import hashlib
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from anna_core.errors import ArtifactError
from anna_core.storage import write_file

_FILE = "corrections.parquet"
RUN = np.dtype([("key", "<u8"), ("month", "<u2")])
VERSIONED_RUN = np.dtype([*RUN.descr, ("version", "<f8"), ("rest", "<f8")])
NO_VERSION = -np.inf  # a delivery without a version loses to any that has one
_COPIES = 4  # of a range of keys, while it is sorted
_MONTH, _KEY = "month", "key"
_MONTH_BITS = 15  # of the 16 that hold a month; the last one is a bit of the row's digest
_MONTHS = 2**_MONTH_BITS - 1
_YEAR = 12


@dataclass(frozen=True)
class Corrections:
    """What was found of one month.

    Attributes:
        superseded: uint64, identities (`anna_core.sources.scanning.identity`) of the month's events whose last delivery
            lies in another month.
        digest: changes with these, and with the file whose delivery wins within the month.
        apart: about the number of the month's rows whose event's last delivery lies more than a month away. Of one in
            the month before or after it is not known whether it lies days away or seconds. A row that another file has
            in another year, but else as it is, does not count: that year is a correction.
        clashing: number of the month's rows that lose to another month's although the file whose delivery stays has
            both; these are not counted as `apart`.
    """

    superseded: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.UInt64))
    digest: int = 0
    apart: int = 0
    clashing: int = 0


def run_type(versioned: bool) -> np.dtype:
    """The type of a run's elements, in a domain with versions or without."""
    return VERSIONED_RUN if versioned else RUN


def write_run(
    path: Path,
    keys: np.ndarray,
    months: np.ndarray,
    versions: np.ndarray | None = None,
    digests: np.ndarray | None = None,
) -> None:
    """Write a run: the n events of a file, or of a part of it.

    Args:
        path: the run's file, one of many in its folder (`anna_core.storage.write_file`).
        keys: (n,) uint64, the events' identities.
        months: (n,) as `month_number` counts.
        versions: (n, 2) float64, value and rest; the value is `NO_VERSION` if there is none. None for a domain without
            versions.
        digests: (n,) integers, digests of the rows without their year and month, of which one bit is kept; None: 0.
    """
    order = np.argsort(keys, kind="stable")
    run = np.empty(len(keys), dtype=run_type(versions is not None))
    run["key"], run["month"] = keys[order], months[order]
    if digests is not None:
        run["month"] |= (digests[order] & 1).astype(np.uint16) << _MONTH_BITS
    if versions is not None:
        run["version"], run["rest"] = versions[order].T
    with write_file(path, among_many=True) as temporary, temporary.open("wb") as file:
        # As `np.save` does, but for a file's own `write`: of a full disk NumPy's says no more than how far it came.
        file.write(_header(run.dtype, len(run)))
        file.write(run.view(np.uint8).data)


def find_corrections(runs: list[tuple[str, list[Path]]], memory: int) -> dict[int, Corrections]:
    """Find the corrections of all months.

    Args:
        runs: name and runs of each file, in an order in which later files win.
        memory: bytes to work with; the result does not depend on it.

    Returns:
        Month, as `month_number` counts → its corrections; months without any are left out.

    Raises:
        ArtifactError: a run is damaged.
    """
    stored = [_StoredRun.of(path, rank) for rank, (_, paths) in enumerate(runs) for path in paths]
    names = np.array([_hash_of(name) for name, _ in runs], dtype=np.uint64)
    kind = run_type(any(run.kind == VERSIONED_RUN for run in stored))
    ranges = max(1, -(-sum(run.length for run in stored) * (kind.itemsize + 4) * _COPIES // memory))
    lost: dict[int, list[np.ndarray]] = {}
    digests: dict[int, int] = {}
    apart, clashing = Counter[int](), Counter[int]()
    for group in _ranges(stored, kind, ranges):
        for month, keys, digest, far, twice in _judge(group, names):
            lost.setdefault(month, []).append(keys)
            digests[month] = (digests.get(month, 0) + digest) % 2**64
            apart[month] += far
            clashing[month] += twice
    return {
        month: Corrections(pl.Series(np.concatenate(lost[month])), digests[month], apart[month], clashing[month])
        for month in sorted(lost)
    }


def write_corrections(folder: Path, found: dict[str, Corrections]) -> None:
    """Store the corrections of all months in one file: key of a month → its corrections."""
    parts = [
        pl.DataFrame({_KEY: part.superseded.cast(pl.UInt64)}).with_columns(pl.lit(month).alias(_MONTH))
        for month, part in found.items()
    ]
    empty = pl.DataFrame(schema={_KEY: pl.UInt64, _MONTH: pl.String})
    digests = {month: f"{part.digest:016x} {part.apart} {part.clashing}" for month, part in found.items()}
    with write_file(folder / _FILE) as temporary:
        pl.concat([empty, *parts]).write_parquet(temporary, metadata=digests)


def read_corrections(folder: Path, month: str) -> Corrections:
    """Read the corrections of a month, given by its key; empty ones if there are none.

    Raises:
        ArtifactError: their file is damaged.
    """
    path = folder / _FILE
    if not path.exists():
        return Corrections()
    content = path.read_bytes()  # so that both parts are read from the same state of the file
    try:
        told = pl.read_parquet_metadata(content).get(month)
        if told is None:
            return Corrections()
        digest, *counts = told.split()
        found = pl.scan_parquet(content, glob=False).filter(pl.col(_MONTH) == month).select(_KEY).collect().to_series()
        return Corrections(found, int(digest, 16), *map(int, counts))  # before, observations did not count all of them
    except (ValueError, pl.exceptions.PolarsError) as error:
        raise ArtifactError(f"{path} is damaged; remove {folder}, and the source is observed anew: {error}") from error


def _header(kind: np.dtype, length: int) -> bytes:
    """The header of a run's file, as long for any length; as all of it is known, none is parsed that may be damaged."""
    told = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": (length,)}
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, told)
    return header.getvalue()


@dataclass(frozen=True)
class _StoredRun:
    """A run on disk, open only while it is read: a source may have more files than a process may hold open.

    Attributes:
        path: the run's file.
        rank: the place of the source's file among all, the later the greater.
        kind: the type of its elements.
        length: number of its elements.
        offset: bytes of the file before the first.
    """

    path: Path
    rank: int
    kind: np.dtype
    length: int
    offset: int

    @classmethod
    def of(cls, path: Path, rank: int) -> "_StoredRun":
        with path.open("rb") as file:
            head = file.read(max(len(_header(kind, 0)) for kind in (RUN, VERSIONED_RUN)))
        size = path.stat().st_size
        for kind in (RUN, VERSIONED_RUN):
            offset = len(_header(kind, 0))
            length, rest = divmod(size - offset, kind.itemsize)
            if length > 0 and not rest and head[:offset] == _header(kind, length):
                return cls(path, rank, kind, length, offset)
        raise ArtifactError(f"{path} is damaged; remove it, and its file is read again.")

    def places(self, bounds: np.ndarray) -> np.ndarray:
        """Where ranges begin and end, (r + 1,), of which bounds (r - 1,) uint64 are the keys in between."""
        inner = bounds
        if len(bounds):
            mapped = np.memmap(self.path, self.kind, "r", self.offset, (self.length,))
            inner = mapped["key"].searchsorted(bounds)
        return np.array([0, *inner, self.length], dtype=np.int64)

    def read(self, low: int, high: int) -> np.ndarray:
        """The elements from low up to, but without, high."""
        return np.fromfile(self.path, self.kind, high - low, offset=self.offset + low * self.kind.itemsize)


def _ranges(runs: list[_StoredRun], kind: np.dtype, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the events (n,) of one range of keys after another, with the rank (n,) of each event's file."""
    bounds = np.array([int(2**64 * place / count) for place in range(1, count)], dtype=np.uint64)
    places = np.array([run.places(bounds) for run in runs], dtype=np.int64).reshape(len(runs), count + 1)
    for low, high in zip(places.T[:-1], places.T[1:], strict=True):
        lengths = high - low
        if not lengths.sum():
            continue
        events = np.empty(lengths.sum(), dtype=kind)
        start = 0
        for place in np.flatnonzero(lengths):
            part = runs[place].read(int(low[place]), int(high[place]))
            here = events[start : start + len(part)]
            if part.dtype != kind:  # of a file that is being written since before the domain had versions
                here["version"], here["rest"] = NO_VERSION, 0.0
            for name in part.dtype.names or ():
                here[name] = part[name]
            start += len(part)
        yield events, np.repeat(np.array([run.rank for run in runs], dtype=np.uint32), lengths)


def _judge(group: tuple[np.ndarray, np.ndarray], names: np.ndarray) -> Iterator[tuple[int, np.ndarray, int, int, int]]:
    """Yield each month with corrections in a range: number, lost events, its part of digest, `apart` and `clashing`."""
    events, ranks = group
    keys = events["key"]
    order = np.argsort(keys, kind="stable")
    same = keys[order[1:]] == keys[order[:-1]]
    if not same.any():
        return
    again = order[np.concatenate([same, [False]]) | np.concatenate([[False], same])]
    events, ranks = events[again], ranks[again]
    version = [events[name] for name in ("rest", "version") if name in (events.dtype.names or ())]
    order = np.lexsort((events["month"] & _MONTHS, ranks, *version, events["key"]))
    events, ranks = events[order], ranks[order]
    months, bits = events["month"] & _MONTHS, events["month"] >> _MONTH_BITS
    first = np.concatenate([[True], events["key"][1:] != events["key"][:-1]])
    last = np.concatenate([np.flatnonzero(first)[1:] - 1, [len(events) - 1]])
    event = np.cumsum(first) - 1
    winner = last[event]
    elsewhere = months != months[winner]
    other_file = ranks != ranks[winner]
    won = np.unique(winner[elsewhere | other_file])
    twice = np.zeros(len(last), dtype=bool)
    if not version:
        twice[event[elsewhere & ~other_file]] = True
    clashing = elsewhere & twice[event]
    far = np.abs(months.astype(np.int32) - months[winner])
    # Of rows that differ, half do so in their bit, so each that does stands for another one that does not.
    weights = np.where(other_file & (far % _YEAR == 0), 2 * (bits != bits[winner]), 1)
    apart = np.where((far > 1) & ~clashing, weights, 0)
    for month in np.unique(np.concatenate([months[elsewhere], months[won]])):
        here = months == month
        lost = np.unique(events["key"][elsewhere & here])
        stay = won[months[won] == month]
        digest = int(_mixed(lost).sum()) + int(_mixed(events["key"][stay] ^ names[ranks[stay]]).sum())
        yield int(month), lost, digest, int(apart[here].sum()), int(clashing[here].sum())


def _mixed(numbers: np.ndarray) -> np.ndarray:
    """Spread 64-bit numbers evenly (SplitMix64, Steele et al., 2014), so that their sum tells sets apart."""
    with np.errstate(over="ignore"):
        mixed = numbers + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))


def _hash_of(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")
