"""The sample whose sequences are cut, and the windows of its rows."""

import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.speed.bank_events import CLIENT_COUNT

ROWS = "sample.parquet"
AS_OF = (np.datetime64("2024-04-15", "D"), np.datetime64("2024-05-01", "D"))
ROW_COUNT = 10_000


def write_sample(folder: Path, seed: int = 0) -> None:
    """Draw clients, half of them at each date; columns client_id (text) and as_of (date)."""
    rng = np.random.default_rng(seed)
    client = rng.choice(CLIENT_COUNT, ROW_COUNT, replace=False)
    as_of = np.array(AS_OF)[np.arange(ROW_COUNT) % len(AS_OF)]
    pq.write_table(pa.table({"client_id": client.astype(str), "as_of": pa.array(as_of)}), folder / ROWS)


def digest(lengths: np.ndarray) -> int:
    """A checksum of the rows' lengths, to see that two programs cut the same windows."""
    return zlib.crc32(np.ascontiguousarray(lengths, dtype=np.int32).tobytes())
