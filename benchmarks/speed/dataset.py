"""The one data set that nets are measured on: long-tailed sequences with a target that can be learned from them.

5,000 clients and about 500,000 events, as in BENCHMARKS.md: lengths are log-normal with a median of 63, the longest is
800. Each client has three hidden traits: one tilts the mix of categories, one the size of the amounts, and one the
channels of the latest tenth of the events, so that order counts. The target is drawn from them.

ANNA and its peers read the same files; this module imports neither, nor torch.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

EVENTS, CLIENTS, FIELDS = "events.parquet", "clients.parquet", "fields.json"
CLIENT_COUNT = 5_000
MEDIAN_LENGTH, LENGTH_SPREAD, LONGEST = 63, 0.985, 800
# Field → number of codes, 0 (unknown, or a peer's padding) included. With ANNA's embedding widths these and the amount
# make 35 inputs, and so 6 · 768 · (35 + 256) = 1.34 MFLOP an event forward and backward through a GRU of width 256.
CARDINALITIES = {"mcc": 61, "city": 20, "channel": 6, "currency": 4}
VALID_SHARE = 0.2
AS_OF = np.datetime64("2024-03-01", "D")
LOOKBACK_DAYS = 365
_LATEST_SHARE = 0.1
# How much each trait moves the target's log-odds: with them the best AUC possible is about 0.87.
_EFFECTS = np.array([1.5, 1.0, 1.2])


@dataclass(frozen=True)
class DataSet:
    """n clients, E events; a client's events lie together, oldest first.

    Attributes:
        codes: field → (E,) uint8 codes from 1.
        amount: (E,) float32, positive.
        event_time: (E,) int64, microseconds since 1970.
        length: (n,) int32, events of each client, at least 1.
        target: (n,) int8, 0 or 1.
        valid: (n,) bool, whether the client validates; the others train.
        widths: field → width of its embedding, ANNA's own.
    """

    codes: dict[str, np.ndarray]
    amount: np.ndarray
    event_time: np.ndarray
    length: np.ndarray
    target: np.ndarray
    valid: np.ndarray
    widths: dict[str, int]

    @property
    def start(self) -> np.ndarray:
        """(n,) int64, position of each client's first event."""
        return np.cumsum(self.length, dtype=np.int64) - self.length

    def head(self, clients: int) -> "DataSet":
        """The first so many clients."""
        events = int(self.length[:clients].sum())
        return DataSet(
            codes={name: values[:events] for name, values in self.codes.items()},
            amount=self.amount[:events],
            event_time=self.event_time[:events],
            length=self.length[:clients],
            target=self.target[:clients],
            valid=self.valid[:clients],
            widths=self.widths,
        )


def make_dataset(widths: dict[str, int], clients: int = CLIENT_COUNT, seed: int = 0) -> DataSet:
    """Draw the data set; the same seed gives the same one."""
    rng = np.random.default_rng(seed)
    length = np.exp(rng.normal(np.log(MEDIAN_LENGTH), LENGTH_SPREAD, clients)).round().clip(1, LONGEST).astype(np.int32)
    traits = rng.normal(size=(clients, 3))
    owner = np.repeat(np.arange(clients), length)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(length) - length, length)
    latest = place >= (1 - _LATEST_SHARE) * length[owner]
    codes = {
        "mcc": _draw_codes(CARDINALITIES["mcc"], 0.7 * traits[owner, 0], rng),
        "city": _draw_codes(CARDINALITIES["city"], np.zeros(len(owner)), rng),
        "channel": _draw_codes(CARDINALITIES["channel"], np.where(latest, 1.5 * traits[owner, 2], 0.0), rng),
        "currency": _draw_codes(CARDINALITIES["currency"], np.zeros(len(owner)), rng),
    }
    amount = np.exp(rng.normal(3 + 0.5 * traits[owner, 1], 1.0)).astype(np.float32)
    probability = 1 / (1 + np.exp(-(traits @ _EFFECTS)))
    return DataSet(
        codes=codes,
        amount=amount,
        event_time=_draw_times(owner, rng),
        length=length,
        target=(rng.random(clients) < probability).astype(np.int8),
        valid=rng.permutation(clients) < VALID_SHARE * clients,
        widths=widths,
    )


def write_dataset(data: DataSet, folder: Path) -> None:
    """Write two Parquet files and the embeddings' widths into an existing folder."""
    pq.write_table(pa.table({**data.codes, "amount": data.amount, "event_time": data.event_time}), folder / EVENTS)
    pq.write_table(pa.table({"length": data.length, "target": data.target, "valid": data.valid}), folder / CLIENTS)
    (folder / FIELDS).write_text(json.dumps(data.widths), encoding="utf-8")


def read_dataset(folder: Path) -> DataSet:
    """Read the data set back."""
    events, clients = pq.read_table(folder / EVENTS), pq.read_table(folder / CLIENTS)
    columns = {name: events[name].to_numpy() for name in events.column_names}
    return DataSet(
        codes={name: columns[name] for name in CARDINALITIES},
        amount=columns["amount"],
        event_time=columns["event_time"],
        length=clients["length"].to_numpy(),
        target=clients["target"].to_numpy(),
        valid=clients["valid"].to_numpy(),
        widths=json.loads((folder / FIELDS).read_text(encoding="utf-8")),
    )


def _draw_codes(cardinality: int, tilt: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Codes 1 … cardinality - 1, the first the most frequent; the tilt of an event favours even codes over odd ones."""
    known = np.arange(1, cardinality)
    logits = -np.log(known)[None, :] + tilt[:, None].astype(np.float32) * (0.5 - known % 2)
    return (1 + (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)).astype(np.uint8)


def _draw_times(owner: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Moments of a year before `AS_OF`, to the second, ascending within each client."""
    seconds = rng.integers(1, LOOKBACK_DAYS * 86_400, len(owner))
    ago = seconds[np.lexsort((-seconds, owner))] * 1_000_000
    return AS_OF.astype("datetime64[us]").astype(np.int64) - ago
