"""Sample rows of every task type, collected as the months go by, and the oracle's word on each row."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from anna_simbank.bank_warehouse import write_beside
from anna_simbank.calendar import Months
from anna_simbank.clients import Clients
from anna_simbank.outcomes import LIFE_STAGES, PRODUCTS, Chances, Outcomes
from anna_simbank.spending import expected_log_spend, expected_spend

TASKS = ("churn", "overdue", "life_stage", "next_products", "spend")
SECOND_DATE = 0.5  # share of clients that are in a sample at two dates
# One in this many clients who arrive on an as-of date is in the sample: without any events, there is nothing a model
# could know them by, but a real sample has a few of them.
NEWCOMERS = 10
Column = NDArray[Any]


@dataclass
class SampleBook:
    """The rows of all tasks: the same clients and dates in each, so that tasks can be compared.

    Attributes:
        dates: (clients, as-of dates) whether a client is meant for a date; clients absent then are left out.
        rows: for each date, the blocks of columns noted so far.
        spend: for each date, (clients,) the amount spent so far.
    """

    months: Months
    first_id: int
    dates: NDArray[np.bool_]
    rows: dict[int, list[dict[str, Column]]] = field(default_factory=dict)
    spend: dict[int, NDArray[np.float64]] = field(default_factory=dict)

    def note(
        self, clients: Clients, month: int, chances: Chances, outcomes: Outcomes, rng: np.random.Generator
    ) -> None:
        """Note the rows of a block of clients as of the start of `month`, before the month is simulated."""
        date = self.months.as_of_months().index(month)
        offset = clients.client_id - self.first_id
        known = (clients.joined < month) | (offset % NEWCOMERS == 0)
        chosen = clients.here(month) & self.dates[offset, date] & known
        expected = expected_spend(clients, month, self.months, chances.churn)
        block: dict[str, Column] = {
            "client_id": clients.client_id,
            "churn": outcomes.churn.astype(np.int8),
            "churn_oracle": chances.churn,
            "overdue": outcomes.overdue.astype(np.int8),
            "overdue_oracle": chances.overdue,
            "life_stage": outcomes.life_stage.astype(np.int8),
            "life_stage_oracle": chances.life_stage,
            "next_products": outcomes.products.astype(np.int8),
            "next_products_oracle": chances.products,
            "spend_oracle": expected,
        }
        block = {name: values[chosen] for name, values in block.items()}
        few = clients.block(np.flatnonzero(chosen))
        block["spend_oracle_log1p"] = expected_log_spend(few, month, self.months, chances.churn[chosen], rng)
        self.rows.setdefault(month, []).append(block)

    def note_spend(self, month: int, rows: slice, spent: NDArray[np.float64]) -> None:
        """Add to what clients spent in the window that opens with `month`."""
        self.spend.setdefault(month, np.zeros(len(self.dates)))[rows] += spent

    def write(self, home: Path) -> dict[str, int]:
        """Write `samples/<task>.csv` and `oracle/<task>.parquet`; return the number of rows of each task."""
        months = sorted(self.rows)
        blocks = [(month, block) for month in months for block in self.rows[month]]
        get = {name: np.concatenate([b[name] for _, b in blocks]) for name in blocks[0][1]}
        day = np.concatenate(
            [np.full(len(b["client_id"]), self.months.first_day(m), dtype="datetime64[D]") for m, b in blocks]
        )
        spent = np.concatenate([self.spend[m][b["client_id"] - self.first_id] for m, b in blocks])
        keys = pl.DataFrame({"client_id": get["client_id"], "as_of": day})
        stages = np.array(LIFE_STAGES)[get["life_stage"]]
        targets: dict[str, dict[str, Column]] = {
            "churn": {"target": get["churn"]},
            "overdue": {"target": get["overdue"]},
            "life_stage": {"target": stages},
            "next_products": _columns("target", PRODUCTS, get["next_products"]),
            "spend": {"target": np.round(spent, 2)},
        }
        oracles: dict[str, dict[str, Column]] = {
            "churn": {"oracle": get["churn_oracle"]},
            "overdue": {"oracle": get["overdue_oracle"]},
            "life_stage": _columns("oracle", LIFE_STAGES, get["life_stage_oracle"]),
            "next_products": _columns("oracle", PRODUCTS, get["next_products_oracle"]),
            "spend": {"oracle": get["spend_oracle"], "oracle_log1p": get["spend_oracle_log1p"]},
        }
        for task in TASKS:
            _write_task(keys, targets[task], sample_path(home, task), oracles[task], oracle_path(home, task))
        return dict.fromkeys(TASKS, len(keys))


def sample_path(home: Path, task: str) -> Path:
    """Return where a task's sample lies."""
    return home / "samples" / f"{task}.csv"


def oracle_path(home: Path, task: str) -> Path:
    """Return where the oracle's word on a task's sample lies."""
    return home / "oracle" / f"{task}.parquet"


def choose_dates(clients: int, dates: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Choose one or two as-of dates for each client; shape (clients, dates)."""
    chosen = np.zeros((clients, dates), dtype=np.bool_)
    everyone = np.arange(clients)
    first = rng.integers(0, dates, clients)
    second = (first + rng.integers(1, dates, clients)) % dates
    chosen[everyone, first] = True
    chosen[everyone, second] |= rng.random(clients) < SECOND_DATE
    return chosen


def as_of_dates(months: Months) -> list[dt.date]:
    """Return the as-of dates of every sample."""
    return [months.first_day(m) for m in months.as_of_months()]


def _columns(prefix: str, names: Sequence[str], matrix: Column) -> dict[str, Column]:
    return {f"{prefix}_{name}": matrix[:, i] for i, name in enumerate(names)}


def _write_task(
    keys: pl.DataFrame, target: dict[str, Column], sample: Path, oracle: dict[str, Column], oracle_file: Path
) -> None:
    rows = keys.with_columns(pl.Series(name, values) for name, values in target.items())
    order = pl.struct("client_id", "as_of").arg_sort()
    index = keys.select(order).to_series()
    write_beside(sample, lambda hidden: rows[index].write_csv(hidden))
    words = keys.with_columns(pl.Series(name, values) for name, values in oracle.items())
    write_beside(oracle_file, lambda hidden: words[index].write_parquet(hidden))
