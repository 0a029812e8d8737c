"""Raw events as a bank's warehouse keeps them: what the mart and sequences pieces begin with.

2,000,000 events of 20,000 clients in four monthly files, in the order in which they happened; four categories as text
and two numbers.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SOURCE = "source"
MONTHS = tuple(np.arange("2024-01", "2024-05", dtype="datetime64[M]"))
CLIENT_COUNT, EVENTS_A_MONTH = 20_000, 500_000
CATEGORIES = {"mcc": 300, "city": 200, "channel": 6, "currency": 4}
NUMBERS = ("amount", "balance")
COMPRESSION: Literal["zstd"] = "zstd"  # of the source, of ANNA's marts, and of what raw Polars writes
_SECOND = 1_000_000


@dataclass(frozen=True)
class BankEvents:
    """Where the events lie."""

    folder: Path

    @property
    def source(self) -> Path:
        """Folder of one file a month."""
        return self.folder / SOURCE

    def file(self, month: np.datetime64) -> Path:
        """The file of a month."""
        return self.source / f"{month}.parquet"

    def write(self, seed: int = 0) -> None:
        """Draw all files; the same seed gives the same ones."""
        self.source.mkdir(parents=True, exist_ok=True)
        activity = np.random.default_rng(seed).lognormal(0, 1, CLIENT_COUNT)
        for index, month in enumerate(MONTHS):
            table = _month(month, activity / activity.sum(), np.random.default_rng([seed, index]))
            pq.write_table(table, self.file(month), compression=COMPRESSION)


def _month(month: np.datetime64, share: np.ndarray, rng: np.random.Generator) -> pa.Table:
    begin, end = (m.astype("datetime64[us]").astype(np.int64) for m in (month, month + 1))
    seconds = np.sort(rng.integers(0, (end - begin) // _SECOND, EVENTS_A_MONTH))
    codes = {name: _frequent(size, rng) for name, size in CATEGORIES.items()}
    return pa.table(
        {
            "client_id": rng.choice(CLIENT_COUNT, EVENTS_A_MONTH, p=share),
            "event_time": pa.array(begin + seconds * _SECOND).cast(pa.timestamp("us")),
            **{
                name: np.array([f"{name}-{code}" for code in range(CATEGORIES[name])])[at] for name, at in codes.items()
            },
            **{name: rng.lognormal(3, 1, EVENTS_A_MONTH).round(2) for name in NUMBERS},
        }
    )


def _frequent(size: int, rng: np.random.Generator) -> np.ndarray:
    """Codes from 0, the first the most frequent (Zipf's law)."""
    weight = 1 / np.arange(1, size + 1)
    return rng.choice(size, EVENTS_A_MONTH, p=weight / weight.sum())
