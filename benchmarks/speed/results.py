"""What a benchmark finds: rows of a table, the runs behind them, and the file that keeps both."""

import datetime as dt
import statistics
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from benchmarks.speed.machine import Machine

PATH = Path(__file__).resolve().parents[1] / "results.json"


class Run(BaseModel):
    """One run of one contestant, in a process of its own.

    Attributes:
        contestant: its name.
        turn: the round that it ran in, from 0; also its seed.
        seconds: wall time of the timed part.
        cpu_seconds: CPU time of the same, all threads together.
        events: what the timed part went through.
        peak_bytes: most memory that the process held.
        metric: validation metric, where there is one.
        facts: what else the contestant told.
    """

    contestant: str
    turn: int
    seconds: float
    cpu_seconds: float
    events: float
    peak_bytes: int
    metric: float | None = None
    facts: dict[str, float] = {}

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds


class Row(BaseModel):
    """One line of the table: ANNA against a peer or against the machine's limit.

    Attributes:
        stage: what was done.
        against: whom ANNA is held against.
        ours: ANNA's figure, a median; None where it was not measured.
        peer: theirs.
        unit: of both.
        ratio: how many times better ANNA is; of a limit, which share of it ANNA reaches.
        at_least: the ratio that is asked for; None where none is.
        met: whether it is reached; None where nothing is asked for or nothing was measured.
        note: spread, quality, and whatever a reader who doubts the figure will ask.
    """

    model_config = ConfigDict(frozen=True)

    stage: str
    against: str
    ours: float | None = None
    peer: float | None = None
    unit: str = "events/s"
    ratio: float | None = None
    at_least: float | None = None
    met: bool | None = None
    note: str = ""


class Piece(BaseModel):
    """What one piece of the suite found, when, and on which machine."""

    measured: dt.datetime
    machine: Machine
    rows: list[Row]
    runs: list[Run]


class Results(BaseModel):
    """All pieces, each as it was last measured."""

    pieces: dict[str, Piece] = {}

    @property
    def rows(self) -> list[Row]:
        """The rows of all pieces."""
        return [row for piece in self.pieces.values() for row in piece.rows]

    def save(self, path: Path = PATH) -> None:
        """Write the file."""
        path.write_text(self.model_dump_json(indent=1), encoding="utf-8")

    @classmethod
    def load(cls, path: Path = PATH) -> "Results":
        """Read the file; nothing where there is none."""
        return cls.model_validate_json(path.read_bytes()) if path.exists() else cls()


def compare(
    stage: str,
    against: str,
    ours: float,
    peer: float,
    *,
    at_least: float | None = None,
    unit: str = "events/s",
    less_is_better: bool = False,
    note: str = "",
) -> Row:
    """A row whose ratio follows from its two figures."""
    ratio = peer / ours if less_is_better else ours / peer
    return Row(
        stage=stage,
        against=against,
        ours=ours,
        peer=peer,
        unit=unit,
        ratio=ratio,
        at_least=at_least,
        met=None if at_least is None else ratio >= at_least,
        note=note,
    )


def median_rate(runs: list[Run]) -> float:
    """Events a second, the median of some runs."""
    return statistics.median(run.rate for run in runs)


def median_metric(runs: list[Run]) -> float:
    """Validation metric, the median of some runs that all have one."""
    return statistics.median(run.metric for run in runs if run.metric is not None)


def spread(runs: list[Run]) -> str:
    """Lowest and highest rate of some runs, for people."""
    rates = sorted(run.rate for run in runs)
    return f"{rates[0]:,.0f} to {rates[-1]:,.0f}"
