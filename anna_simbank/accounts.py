"""A month's account transactions: pay and what surrounds it, money passing through, bills, and a tail of the rest."""

from dataclasses import dataclass

import numpy as np

from anna_core.durations import DAY, HOUR, SECOND
from anna_simbank.calendar import Months
from anna_simbank.catalogue import COUNTERPARTIES, EMPLOYERS, ZIPF_COUNTERPARTY, draw_zipf
from anna_simbank.clients import Clients
from anna_simbank.events import Array, Events, in_time_order

OPERATIONS = [
    "salary", "benefit", "cash_withdrawal", "transfer_in", "transfer_out", "utility", "rent", "loan_payment",
    "fee", "tax", "insurance_premium", "subscription", "gift", "interest", "dividend", "cash_deposit", "refund",
    "currency_exchange", "charity", "fine", "education", "membership", "standing_order", "cheque",
    "adjustment",
]  # fmt: skip
CREDIT_OPERATIONS = ["salary", "benefit", "transfer_in", "interest", "dividend", "cash_deposit", "refund"]
VOCABULARY = {"operation": OPERATIONS, "counterparty": COUNTERPARTIES, "direction": ["credit", "debit"]}

SALARY = 2500.0  # median, account currency
BENEFIT_SHARE = 0.4  # of the salary, while jobless
HABIT_SHOWS = 0.97
PAYDAY_CASH = 0.95  # chance of a withdrawal around the pay
PASSINGS = 1.2  # transfers per month that come in and go out again (or the other way round)
UTILITY, RENT, LOAN_PAYMENT, OTHER = 0.4, 0.8, 0.4, 0.35  # events a month, for those who have them
FEES_UNDISCIPLINED, FEES_DISCIPLINED = 0.7, 0.06  # a month
BALANCE_UNKNOWN = 0.03
# Balances cover all the client's accounts and vary around a level that does not depend on the order of events.
BALANCE_SPREAD = 0.5

_CODE = {name: np.int8(i) for i, name in enumerate(OPERATIONS)}
_DIRECTION = np.array([0 if name in CREDIT_OPERATIONS else 1 for name in OPERATIONS], dtype=np.int8)
_TAIL = OPERATIONS.index("tax")  # operations from here on are the long tail


@dataclass
class _Draft:
    """Events collected part by part, before they are joined."""

    client: list[Array]
    time: list[Array]
    operation: list[Array]
    amount: list[Array]

    def add(self, client: Array, time: Array, operation: Array | np.int8, amount: Array) -> None:
        self.client.append(client)
        self.time.append(time)
        self.operation.append(np.broadcast_to(operation, client.shape).astype(np.int8))
        self.amount.append(amount)


def _pay(draft: _Draft, clients: Clients, here: Array, month: int, months: Months, rng: np.random.Generator) -> None:
    """Add salary or benefit, and the cash withdrawn just after it or just before, depending on the pay-day habit."""
    who = np.flatnonzero(here)
    jobless = clients.jobless[who]
    noon = months.begin(month) + clients.payday[who] * DAY + 12 * HOUR
    time = noon + rng.integers(-2 * 3600, 2 * 3600, len(who)) * SECOND
    amount = SALARY * np.exp(clients.income[who] + rng.normal(0, 0.08, len(who)))
    amount = amount * np.where(jobless, BENEFIT_SHARE, 1.0)
    draft.add(who, time, np.where(jobless, _CODE["benefit"], _CODE["salary"]), amount)

    taking = rng.random(len(who)) < PAYDAY_CASH
    follows = rng.random(len(who)) < HABIT_SHOWS
    after = (clients.early_payday[who] > 0) == follows
    gap = rng.integers(1800, 4 * 3600, len(who)) * SECOND
    cash = 0.2 * SALARY * np.exp(clients.income[who] + rng.normal(0, 0.5, len(who)))
    cash_time = time + np.where(after, gap, -gap)
    draft.add(who[taking], cash_time[taking], _CODE["cash_withdrawal"], cash[taking])


def _passings(
    draft: _Draft, clients: Clients, rate: Array, month: int, months: Months, rng: np.random.Generator
) -> None:
    """Add pairs of transfers of nearly the same amount, in the order of the pass-through habit."""
    who = np.repeat(np.arange(len(rate)), rng.poisson(PASSINGS * rate))
    # Pairs stay four hours clear of the month's end, so that both halves lie in one month.
    latest = (months.days(month) * 24 - 4) * 3600
    begins = months.begin(month) + rng.integers(0, latest, len(who)) * SECOND
    ends = begins + rng.integers(600, 3 * 3600, len(who)) * SECOND
    follows = rng.random(len(who)) < HABIT_SHOWS
    in_first = (clients.pass_through[who] > 0) == follows
    amount = 180 * np.exp(clients.income[who] + rng.normal(0, 1.0, len(who)))
    come, go = _CODE["transfer_in"], _CODE["transfer_out"]
    draft.add(who, begins, np.where(in_first, come, go), amount)
    draft.add(who, ends, np.where(in_first, go, come), amount * rng.uniform(0.9, 1.1, len(who)))


def _others(draft: _Draft, clients: Clients, rate: Array, month: int, months: Months, rng: np.random.Generator) -> None:
    """Add bills, fees and the tail: their counts reveal discipline, their moments reveal nothing."""
    fees = np.where(clients.undisciplined, FEES_UNDISCIPLINED, FEES_DISCIPLINED)
    for name, count, typical in (
        ("utility", UTILITY * rate, 90.0),
        ("rent", RENT * rate * clients.renter, 700.0),
        ("loan_payment", LOAN_PAYMENT * rate * clients.has_credit, 250.0),
        ("fee", fees * rate, 6.0),
        ("", OTHER * rate, 60.0),
    ):
        who = np.repeat(np.arange(len(rate)), rng.poisson(count))
        time = months.begin(month) + rng.integers(0, months.days(month) * 86400, len(who)) * SECOND
        tail = _TAIL + draw_zipf(len(OPERATIONS) - _TAIL, 1.0, len(who), rng)
        operation = _CODE[name] if name else tail
        draft.add(who, time, operation, typical * np.exp(clients.income[who] + rng.normal(0, 0.7, len(who))))


def account_transactions(clients: Clients, month: int, block: int, months: Months, rng: np.random.Generator) -> Events:
    """Draw a month's account events of a block of clients, in order of time."""
    presence = clients.presence(month) * clients.has_account
    draft = _Draft([], [], [], [])
    _pay(draft, clients, rng.random(len(clients)) < presence, month, months, rng)
    _passings(draft, clients, presence, month, months, rng)
    _others(draft, clients, presence, month, months, rng)
    client, operation = np.concatenate(draft.client), np.concatenate(draft.operation)
    n = len(client)
    counterparty = EMPLOYERS + draw_zipf(len(COUNTERPARTIES) - EMPLOYERS, ZIPF_COUNTERPARTY, n, rng)
    own = (operation <= _CODE["benefit"]) | (operation == _CODE["utility"])
    balance = 1800 * np.exp(clients.income[client] + BALANCE_SPREAD * rng.standard_normal(n))
    columns: dict[str, Array] = {
        "client_id": clients.client_id[client],
        "event_time": np.concatenate(draft.time),
        "operation": operation,
        "counterparty": np.where(own, clients.employer[client], counterparty).astype(np.int16),
        "direction": _DIRECTION[operation],
        "amount": np.round(np.concatenate(draft.amount).astype(np.float64), 2),
        "balance": np.where(rng.random(n) < BALANCE_UNKNOWN, np.nan, np.round(balance, 2)),
    }
    return Events(in_time_order(columns, month, block), VOCABULARY, nullable=("balance",))
