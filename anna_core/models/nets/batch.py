"""A batch of sequences without padding, and how it is gathered from memory-mapped columns."""

import copy
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Self

import numpy as np
import torch

from anna_core.sequences.ragged import Sequences

# torch computes with few unsigned types: such codes are read as signed ones of the same size and then widened.
_SIGNED: dict[np.dtype, tuple[type[np.signedinteger], torch.dtype, int]] = {
    np.dtype(np.uint16): (np.int16, torch.int32, 0xFFFF),
    np.dtype(np.uint32): (np.int32, torch.int64, 0xFFFF_FFFF),
}
# Events stay on a GPU during training if they take at most this share of its free memory; the rest is for the net.
_RESIDENT_SHARE = 0.5


@dataclass(frozen=True)
class PackedBatch:
    """B sequences with N events in total, in the layout of `torch.nn.utils.rnn.PackedSequence`.

    First come the rows' oldest events, then their second oldest, and so on. The rows are sorted by length, the longest
    first, so the rows that have an event at step t are the first `sizes[t]`, and nothing is padded.

    Attributes:
        codes: coded field → (N,) integers, in the small type in which the mart keeps them.
        numbers: numeric field → (N,) float32, NaN where missing.
        event_time: (N,) int64, microseconds since 1970 on the bank's clock.
        gap: (N,) int64, microseconds since the row's previous event; 0 for its first.
        row: (N,) int64, the row that each event belongs to.
        aggregates: (B, A) float32, see `anna_core.aggregates.ranks`; A may be 0.
        as_of: (B,) int64, the start of the as-of day on the same clock, in microseconds.
        lengths: (B,) int64, number of events of each row, in descending order; at least 1.
        held: (B,) int64, number of the row's events in the store; more than `lengths` if some were left out.
        sizes: T numbers of rows that have an event at each step.
    """

    codes: dict[str, torch.Tensor]
    numbers: dict[str, torch.Tensor]
    event_time: torch.Tensor
    gap: torch.Tensor
    row: torch.Tensor
    aggregates: torch.Tensor
    as_of: torch.Tensor
    lengths: torch.Tensor
    held: torch.Tensor
    sizes: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.lengths)

    @cached_property
    def first(self) -> torch.Tensor:
        """(T,) int64, position of each step's first event."""
        sizes = torch.tensor(self.sizes, device=self.lengths.device)
        return sizes.cumsum(0) - sizes

    @cached_property
    def last(self) -> torch.Tensor:
        """(B,) int64, position of each row's latest event."""
        return self.first[self.lengths - 1] + torch.arange(len(self), device=self.lengths.device)

    @cached_property
    def grid(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Position of row i's event t: (B, T), 0 where there is none, and (B, T) bool, whether there is one."""
        rows = torch.arange(len(self), device=self.lengths.device)[:, None]
        there = torch.arange(len(self.sizes), device=self.lengths.device) < self.lengths[:, None]
        return torch.where(there, self.first + rows, 0), there

    @cached_property
    def step(self) -> torch.Tensor:
        """(N,) int64, number of events of the same row that came before each event."""
        sizes = torch.tensor(self.sizes, device=self.lengths.device)
        return torch.arange(len(self.sizes), device=sizes.device).repeat_interleave(sizes, output_size=len(self.row))

    @cached_property
    def reverse(self) -> torch.Tensor:
        """(N,) int64, position of the event with as many events of its row before it as this one has after it."""
        return self.first[self.lengths[self.row] - 1 - self.step] + self.row


class EventStore:
    """The columns of some sequences as tensors that batches are gathered from."""

    def __init__(self, sequences: Sequences, device: torch.device, aggregates: np.ndarray | None = None) -> None:
        """Take the columns as they are mapped (no copy), or move them to the device once if they fit there.

        Args:
            sequences: n rows.
            device: the device that batches are needed on.
            aggregates: (n, A) float16 aggregates of the rows; None if the net reads none.
        """
        self.length = np.asarray(sequences.length, dtype=np.int64)
        self.device = device
        self._resident = _fits(sequences, device)
        home = device if self._resident else torch.device("cpu")
        self.domain = domain = sequences.domain
        self._time = _tensor(sequences.event_time).to(home)
        self._codes = {name: _tensor(sequences.columns[name]).to(home) for name in domain.coded}
        self._kinds = {name: sequences.columns[name].dtype for name in domain.coded}
        self._numbers = {name: _tensor(sequences.columns[name]).to(home) for name in domain.numeric}
        self._start = _tensor(sequences.start.astype(np.int64)).to(home)
        self._aggregates = _or_none(aggregates, len(self.length)).to(home)
        self._as_of = _tensor(sequences.as_of.astype("datetime64[us]").astype(np.int64)).to(home)

    def take(self, rows: np.ndarray, aggregates: np.ndarray | None) -> Self:
        """A selection of the rows, by position, with their aggregates; the events stay where they are."""
        part = copy.copy(self)
        places = torch.from_numpy(rows).to(self._start.device)
        part.length, part._start, part._as_of = self.length[rows], self._start[places], self._as_of[places]
        part._aggregates = _or_none(aggregates, len(rows)).to(places.device)
        return part

    def batches(
        self, rows: Iterable[np.ndarray], dropout: float = 0.0, rng: np.random.Generator | None = None
    ) -> Iterator[PackedBatch]:
        """Gather batch after batch; see `gather`.

        If events have to be moved to a GPU, the next batch is prepared while this one is computed. On a CPU gathering
        takes little of a batch's time and would only compete for the same cores.
        """
        if self._resident:
            for batch in rows:
                yield self.gather(batch, dropout, rng)
            return
        waiting = iter(rows)
        with ThreadPoolExecutor(max_workers=1) as worker:
            coming = [worker.submit(self.gather, batch, dropout, rng) for batch in islice(waiting, 1)]
            while coming:
                ready = coming.pop().result()
                coming = [worker.submit(self.gather, batch, dropout, rng) for batch in islice(waiting, 1)]
                yield ready

    def gather(self, rows: np.ndarray, dropout: float = 0.0, rng: np.random.Generator | None = None) -> PackedBatch:
        """Read the events of some rows, touching no other events of the memory map.

        Args:
            rows: (B,) positions of rows with events, the longest first; repeats are allowed.
            dropout: share of each row's events to leave out, see `_some_events`.
            rng: draws them; required if there is a dropout.

        Returns:
            The batch on the store's device; its row i is `rows[i]`.
        """
        held = lengths = self.length[rows]
        if (np.diff(held) > 0).any() or (held < 1).any():
            raise ValueError("rows of a batch must have events and be ordered by falling length")
        home = self._time.device
        offset = None
        if dropout > 0:
            if rng is None:
                raise ValueError("leaving out events needs an rng")
            lengths, taken = _some_events(held, dropout, rng)
            offset = torch.from_numpy(taken).to(home)
        sizes = len(rows) - np.cumsum(np.bincount(lengths))[: lengths.max(initial=0)]
        counts, length = torch.from_numpy(sizes).to(home), torch.from_numpy(lengths).to(home)
        # With the size given, repeating need not wait for a GPU.
        step = torch.arange(len(sizes), device=home).repeat_interleave(counts, output_size=int(sizes.sum()))
        first = counts.cumsum(0) - counts
        row = torch.arange(len(step), device=home) - first[step]
        positions = torch.from_numpy(rows).to(home)
        events = self._start[positions][row]
        events += step if offset is None else offset[(length.cumsum(0) - length)[row] + step]
        time = self._time[events]
        gap = time - time[first[(step - 1).clamp_(min=0)] + row]  # a row's first event is compared with itself
        batch = PackedBatch(
            codes={name: self._widened(name, column[events]) for name, column in self._codes.items()},
            numbers={name: column[events] for name, column in self._numbers.items()},
            event_time=time,
            gap=gap,
            row=row,
            aggregates=self._aggregates[positions].float(),
            as_of=self._as_of[positions],
            lengths=length,
            held=torch.from_numpy(held).to(home),
            sizes=tuple(sizes.tolist()),
        )
        return batch if self._resident else _moved(batch, self.device)

    def _widened(self, name: str, codes: torch.Tensor) -> torch.Tensor:
        kind = self._kinds[name]
        if kind not in _SIGNED:
            return codes
        _, wide, mask = _SIGNED[kind]
        return codes.to(wide) & mask


def _some_events(lengths: np.ndarray, dropout: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Leave out a random share of each row's events, but never the latest: how long ago that was says a lot.

    Args:
        lengths: (B,) numbers of events, in descending order.
        dropout: the share to leave out.
        rng: draws them.

    Returns:
        (B,) numbers of events that remain, also in descending order, since they depend on the length alone; and, row
        after row, how many events of its row came before each remaining one.
    """
    kept = np.ceil((1 - dropout) * lengths).astype(np.int64)
    begin = np.cumsum(lengths) - lengths
    row = np.repeat(np.arange(len(lengths)), lengths)
    draw = rng.random(len(row))
    draw[begin + lengths - 1] = -1
    order = np.argsort(row * 3.0 + draw)  # by draw within each row
    place = np.arange(len(row)) - begin[row]
    chosen = np.sort(order[place < kept[row]])
    return kept, chosen - begin[row[chosen]]


def _moved(batch: PackedBatch, device: torch.device) -> PackedBatch:
    def move(values: torch.Tensor) -> torch.Tensor:
        return values.pin_memory().to(device, non_blocking=True)

    return PackedBatch(
        codes={name: move(values) for name, values in batch.codes.items()},
        numbers={name: move(values) for name, values in batch.numbers.items()},
        event_time=move(batch.event_time),
        gap=move(batch.gap),
        row=move(batch.row),
        aggregates=move(batch.aggregates),
        as_of=move(batch.as_of),
        lengths=move(batch.lengths),
        held=move(batch.held),
        sizes=batch.sizes,
    )


def _fits(sequences: Sequences, device: torch.device) -> bool:
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    columns = (sequences.event_time, *sequences.columns.values())
    return sum(column.nbytes for column in columns) <= _RESIDENT_SHARE * free


def _or_none(aggregates: np.ndarray | None, count: int) -> torch.Tensor:
    return torch.from_numpy(np.zeros((count, 0), dtype=np.float16) if aggregates is None else aggregates)


def _tensor(column: np.ndarray) -> torch.Tensor:
    """The column without a copy; it is read-only, which is fine, since nothing writes to it."""
    signed = _SIGNED.get(column.dtype)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(column if signed is None else column.view(signed[0]))
