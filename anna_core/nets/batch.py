"""A padded batch of sequences, and how it is gathered from memory-mapped columns."""

from dataclasses import dataclass

import numpy as np
import torch

from anna_core.sequences.ragged import Sequences

# torch computes with these; unsigned codes of 2 and 4 bytes go to the next signed type that holds them.
_TORCH_TYPES: dict[np.dtype, np.dtype] = {
    np.dtype(np.uint16): np.dtype(np.int32),
    np.dtype(np.uint32): np.dtype(np.int64),
}


@dataclass(frozen=True)
class PaddedBatch:
    """B sequences, padded with zeros on the right to the longest one's T events; oldest event first.

    Attributes:
        codes: coded field → (B, T) integers, in as small a type as the mart keeps them.
        numbers: numeric field → (B, T) float32, NaN where missing.
        event_time: (B, T) int64, microseconds since 1970 on the bank's clock.
        as_of: (B,) int64, the start of the as-of day on the same clock, in microseconds.
        lengths: (B,) int64, number of true events; at least 1.
    """

    codes: dict[str, torch.Tensor]
    numbers: dict[str, torch.Tensor]
    event_time: torch.Tensor
    as_of: torch.Tensor
    lengths: torch.Tensor

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def mask(self) -> torch.Tensor:
        """(B, T) bool: True where there is an event, False in the padding."""
        return torch.arange(self.event_time.shape[1], device=self.lengths.device) < self.lengths[:, None]

    def to(self, device: torch.device) -> "PaddedBatch":
        """The same batch on another device."""
        return PaddedBatch(
            codes={name: values.to(device) for name, values in self.codes.items()},
            numbers={name: values.to(device) for name, values in self.numbers.items()},
            event_time=self.event_time.to(device),
            as_of=self.as_of.to(device),
            lengths=self.lengths.to(device),
        )


def gather(sequences: Sequences, rows: np.ndarray) -> PaddedBatch:
    """Read some rows' events into a padded batch, touching only those events of the memory map.

    Args:
        sequences: the source.
        rows: (B,) positions of the rows, in the order that the batch shall have; repeats are allowed.

    Returns:
        The batch; row i holds `rows[i]`.
    """
    start = sequences.start[rows].astype(np.int64)
    length = sequences.length[rows].astype(np.int64)
    filled = np.arange(length.max(initial=0)) < length[:, None]
    events = event_positions(start, length)

    def pad(column: np.ndarray) -> torch.Tensor:
        padded = np.zeros(filled.shape, dtype=_TORCH_TYPES.get(column.dtype, column.dtype))
        padded[filled] = column[events]
        return torch.from_numpy(padded)

    as_of = sequences.as_of[rows].astype("datetime64[us]").astype(np.int64)
    return PaddedBatch(
        codes={name: pad(sequences.columns[name]) for name in sequences.domain.coded},
        numbers={name: pad(sequences.columns[name]) for name in sequences.domain.numeric},
        event_time=pad(sequences.event_time),
        as_of=torch.from_numpy(as_of),
        lengths=torch.from_numpy(length),
    )


def event_positions(start: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Positions of the events of rows `start[i] : start[i] + length[i]`, one after another; (sum of length,) int64."""
    first = np.cumsum(length) - length
    return np.arange(length.sum()) + np.repeat(start - first, length)
