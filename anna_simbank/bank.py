"""The simulated bank: writes a warehouse, samples and their oracle, month by month."""

import datetime as dt
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from anna_simbank.accounts import account_transactions
from anna_simbank.bank_warehouse import BankError, BankWarehouse, write_parquet
from anna_simbank.calendar import QUARTER, Months, is_quarter_start
from anna_simbank.cards import card_transactions
from anna_simbank.clients import Clients, begin_month, end_month, found_clients
from anna_simbank.credit import credit_history
from anna_simbank.delivery import deliver, split_at
from anna_simbank.events import Events, concatenate
from anna_simbank.outcomes import chances, draw_outcomes
from anna_simbank.sample_book import (
    TASKS,
    SampleBook,
    as_of_dates,
    choose_dates,
    oracle_path,
    sample_path,
)
from anna_simbank.spending import spent_in_window

FEWEST_CLIENTS, MOST_CLIENTS = 1_000, 1_000_000
MOST_MONTHS = 600  # fifty years
FEWEST_MONTHS = 24  # a year of history before the first as-of date, and half a year after the last
FIRST_CLIENT_ID = 1_000_001
BLOCK = 50_000  # clients drawn and written at a time: peak memory stays well under 1 GiB
# Nobody churns earlier: by the first as-of date the bank must not have lost all its risky clients.
FIRST_OUTCOMES = 3 * QUARTER
VERSION = 1  # of the simulator: if a seed yields something else, it is another bank

Generator = Callable[[Clients, int, int, Months, np.random.Generator], Events]
# For each domain, what draws its events, and its availability lag in days (as in domains/<domain>.yaml).
DOMAINS: dict[str, tuple[Generator, int]] = {
    "card_transactions": (card_transactions, 1),
    "account_transactions": (account_transactions, 1),
    "credit_history": (credit_history, 5),
}


@dataclass(frozen=True)
class BankSummary:
    """What was written.

    Attributes:
        rows: number of rows of each domain in the warehouse, including second deliveries.
        files: number of part files in the warehouse.
        samples: number of rows in each task's sample.
        as_of: the samples' as-of dates.
        not_loaded: number of rows of the last month that were not loaded, as they would arrive after the simulation.
    """

    clients: int
    months: int
    rows: dict[str, int]
    files: int
    samples: dict[str, int]
    as_of: list[dt.date]
    not_loaded: int


@dataclass(frozen=True)
class SimulatedBank:
    """A bank of hidden clients; the same settings always give the same files.

    Attributes:
        clients: 1,000 to 1,000,000.
        months: 24 to 600.
        start: first day of the first month.
        seed: seed of every draw.
    """

    clients: int = 5_000
    months: int = 24
    start: dt.date = dt.date(2023, 1, 1)
    seed: int = 0

    def __post_init__(self) -> None:
        if not FEWEST_CLIENTS <= self.clients <= MOST_CLIENTS:
            raise BankError(f"{self.clients:,} clients: give {FEWEST_CLIENTS:,} to {MOST_CLIENTS:,}.")
        if self.months < FEWEST_MONTHS:
            raise BankError(f"{self.months} months are too few: give {FEWEST_MONTHS} or more.")
        if self.months > MOST_MONTHS:
            raise BankError(f"{self.months:,} months are too many: give {FEWEST_MONTHS} to {MOST_MONTHS}.")
        if self.start.day != 1:
            raise BankError(f"The start {self.start} is not the first day of a month: give one that is.")
        if self.seed < 0:
            raise BankError(f"The seed {self.seed} is negative: give 0 or more.")

    def write(self, home: Path, on_month: Callable[[int, int, int], None] | None = None) -> BankSummary:
        """Write `warehouse/`, `samples/` and `oracle/` under `home`; memory does not grow with the number of months.

        A second call with the same settings writes the same files again.

        Args:
            home: ANNA's home folder; created if missing.
            on_month: called after each month with (months done, months in all, rows written so far).

        Raises:
            BankError: `home` already holds files of another bank, or of none.
        """
        return _Run(self, home).write(on_month)


class _Run:
    """The writing of one bank: the clients' state, what waits for the next month's delivery, and the counts."""

    def __init__(self, bank: SimulatedBank, home: Path) -> None:
        self.bank, self.home = bank, home
        self.calendar = Months(bank.start, bank.months)
        settings = {name: v if isinstance(v, int) else str(v) for name, v in asdict(bank).items()}
        self.warehouse = BankWarehouse(home, {"version": VERSION, **settings})
        self.blocks = [slice(b, min(b + BLOCK, bank.clients)) for b in range(0, bank.clients, BLOCK)]
        founding = np.random.default_rng([bank.seed, 0])
        self.people = found_clients(bank.clients, FIRST_CLIENT_ID, bank.months, founding)
        dates = choose_dates(bank.clients, len(self.calendar.as_of_months()), founding)
        self.book = SampleBook(self.calendar, FIRST_CLIENT_ID, dates)
        self.waiting: dict[tuple[str, int], Events] = {}
        self.rows = dict.fromkeys(DOMAINS, 0)

    def write(self, on_month: Callable[[int, int, int], None] | None) -> BankSummary:
        self._claim()
        for month in range(self.bank.months):
            for block, rows in enumerate(self.blocks):
                self._live(month, block, self.people.block(rows), rows)
            if on_month is not None:
                on_month(month + 1, self.bank.months, sum(self.rows.values()))
        summary = BankSummary(
            clients=self.bank.clients,
            months=self.bank.months,
            rows=self.rows,
            files=len(DOMAINS) * self.bank.months * len(self.blocks),
            samples=self.book.write(self.home),
            as_of=as_of_dates(self.calendar),
            not_loaded=sum(len(events) for events in self.waiting.values()),
        )
        noted = asdict(summary)
        self.warehouse.finish({**noted, "as_of": [str(day) for day in summary.as_of]})
        return summary

    def _claim(self) -> None:
        months = [self.calendar.label(m) for m in range(self.bank.months)]
        parts = {
            self.warehouse.part(domain, label, block)
            for domain in DOMAINS for label in months for block in range(len(self.blocks))
        }  # fmt: skip
        folders = [self.warehouse.folder / domain for domain in DOMAINS]
        tables = [path(self.home, task) for task in TASKS for path in (sample_path, oracle_path)]
        self.warehouse.claim(parts, folders, tables)

    def _live(self, month: int, block: int, clients: Clients, rows: slice) -> None:
        """Live one month of one block: outcomes, events, delivery, then the change of state."""
        # Each month and block has its own generator: what one draws does not affect another.
        rng = np.random.default_rng([self.bank.seed, 1, month, block])
        if is_quarter_start(month) and month >= FIRST_OUTCOMES:
            self._decide(month, clients, rng)
        begin_month(clients, rng)
        for domain, (draw, lag_days) in DOMAINS.items():
            events = draw(clients, month, block, self.calendar, rng)
            if domain == "card_transactions":
                self._count_spend(month, events, rows)
            self._load(domain, month, block, deliver(events, lag_days, rng))
        end_month(clients, month, rng)

    def _decide(self, month: int, clients: Clients, rng: np.random.Generator) -> None:
        """Draw the quarter's outcomes for the clients who are present, and note them if the samples need them."""
        probabilities = chances(clients)
        outcomes = draw_outcomes(probabilities, rng)
        if month in self.calendar.as_of_months():
            self.book.note(clients, month, probabilities, outcomes, rng)
        here = clients.here(month)
        clients.left[here & outcomes.churn] = month
        clients.overdue[here & outcomes.overdue] = month

    def _count_spend(self, month: int, events: Events, rows: slice) -> None:
        first_id = FIRST_CLIENT_ID + rows.start
        for opened in self.calendar.as_of_months():
            if opened <= month <= opened + 1:  # 30 days from a February's start reach into March
                spent = spent_in_window(events, first_id, rows.stop - rows.start, self.calendar.begin(opened))
                self.book.note_spend(opened, rows, spent)

    def _load(self, domain: str, month: int, block: int, events: Events) -> None:
        """Write what the warehouse receives this month; keep the rest for the next."""
        carried = self.waiting.get((domain, block))
        if carried is not None:
            events = concatenate([carried, events])
        loaded, self.waiting[domain, block] = split_at(events, self.calendar.begin(month + 1))
        path = self.warehouse.part(domain, self.calendar.label(month), block)
        write_parquet(loaded.to_arrow(), path)
        self.rows[domain] += len(loaded)
