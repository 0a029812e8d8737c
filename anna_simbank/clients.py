"""Hidden clients: traits that stay, habits that rarely change, life events, and how they move month by month.

A habit is +1 or -1 and shows only in the order of neighbouring events, never in their counts or amounts.
Outcomes depend on the *settled* habit, an exponential average over months: what matters has been visible for
a while, so a model that reads order can nearly reach the oracle. A client who has just arrived counts as 0.
"""

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from anna_simbank.calendar import QUARTER
from anna_simbank.catalogue import CITIES, EMPLOYERS, ZIPF_CITY, ZIPF_COUNTERPARTY, draw_zipf

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]
Small = NDArray[np.int16]

NEVER = np.int16(-100)  # a month long before the simulation

# Shares of clients that each domain knows; a client missing from a domain is missing for the whole simulation.
WITH_CARD, WITH_ACCOUNT, WITH_CREDIT = 0.95, 0.93, 0.60
PRESENT_AT_START = 0.65  # the rest arrive in later months, hence histories of very uneven length
ACTIVITY_SPREAD = 0.65  # sigma of log-activity between clients
INCOME_SPREAD = 0.45
TRAIT_LIMIT = 2.0  # beyond it, single clients would dominate the log-odds
UNDISCIPLINED = 0.35
DIGITAL, DIGITAL_SPREAD = 0.9, 0.2  # people who buy online, and people who do not: few purchases tell which

HABIT_CHANGE = 0.006  # a month; rare, so that a habit's signature is clear before it matters
SETTLING = 0.3  # weight of the newest month in a settled habit: it matters after about three months
MOOD_MEMORY, MOOD_STEP = 0.85, 0.06  # AR(1) of log-activity; its innovation is the only thing that nobody can foresee
JOB_LOSS, JOB_FOUND = 0.01, 0.20  # a month
MOVING = 0.006  # a month

LEAVING = (0.45, 0.12, 0.02)  # activity in the first, second and third month of a client who churns; then 0
RETURN_AFTER, RETURN = 5, 0.15  # months until a churned client may come back, and the chance a month


@dataclass(frozen=True)
class Clients:
    """State of n clients, one array per quantity, each of shape (n,) or (n, 2); arrays are changed in place."""

    client_id: NDArray[np.int64]
    joined: Small
    has_card: Flags
    has_account: Flags
    has_credit: Flags
    income: Floats  # log-scale of salary and amounts
    activity: Floats  # log-scale of the number of purchases
    leisure: Floats  # leaning to restaurants and entertainment against home and pharmacy
    digital: Floats  # leaning to online purchases
    undisciplined: Flags
    renter: Flags
    payday: NDArray[np.int64]  # 0 … 27, evenly: calendar windows reveal nothing of pay-day habits
    employer: Small
    city: Small
    products: Small  # (n, 2) product codes of the credit accounts; -1 for none
    credit_limit: Floats
    cycle: Small  # phase of the four-month repayment cycle, 0 … 3
    cash_first: NDArray[np.int8]  # card: cash before groceries (+1) or after (-1)
    early_payday: NDArray[np.int8]  # account: cash withdrawn just after the salary (+1) or just before it (-1)
    pass_through: NDArray[np.int8]  # account: money comes in, then goes out (+1), or the other way round (-1)
    relapse: NDArray[np.int8]  # credit: repayment cycle 0,1,0,2 (+1) or 0,0,1,2 (-1)
    plan: NDArray[np.int8]  # this quarter's spending plan
    next_plan: NDArray[np.int8]  # next quarter's; shows this quarter in the order of fuel and restaurant
    cash_first_settled: Floats
    early_payday_settled: Floats
    pass_through_settled: Floats
    relapse_settled: Floats
    jobless_settled: Floats
    mood: Floats
    jobless: Flags
    left: Small  # month in which churn began, or NEVER
    overdue: Small  # month in which an overdue quarter began, or NEVER

    def __len__(self) -> int:
        return len(self.client_id)

    def block(self, rows: slice | NDArray[np.int64]) -> "Clients":
        """Return some clients: views for a slice, so that what changes there changes here; else copies."""
        return replace(self, **{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def here(self, month: int) -> Flags:
        """Tell who has arrived and not churned: the clients that a sample may contain."""
        return (self.joined <= month) & (self.left == NEVER)

    def presence(self, month: int) -> Floats:
        """Return the factor on a month's activity: 1 for clients who stay, falling to 0 for those who leave."""
        since = np.clip(month - self.left, 0, len(LEAVING))
        leaving = np.array([*LEAVING, 0.0], dtype=np.float32)[since]
        staying = np.where(self.left == NEVER, np.float32(1), leaving)
        return np.where(self.joined <= month, staying, np.float32(0))


def _signs(n: int, rng: np.random.Generator) -> NDArray[np.int8]:
    return (rng.integers(0, 2, n) * 2 - 1).astype(np.int8)


def _trait(n: int, spread: float, rng: np.random.Generator) -> Floats:
    limited = np.clip(rng.standard_normal(n), -TRAIT_LIMIT, TRAIT_LIMIT)
    return (spread * limited).astype(np.float32)


def found_clients(n: int, first_id: int, months: int, rng: np.random.Generator) -> Clients:
    """Draw `n` clients as they are before month 0; all traits and habits are independent."""
    joined = np.where(rng.random(n) < PRESENT_AT_START, 0, rng.integers(1, months, n)).astype(np.int16)
    zeros = np.zeros(n, dtype=np.float32)
    products = rng.integers(0, 6, (n, 2)).astype(np.int16)
    products[rng.random(n) < 0.4, 1] = -1
    return Clients(
        client_id=np.arange(first_id, first_id + n, dtype=np.int64),
        joined=joined,
        has_card=rng.random(n) < WITH_CARD,
        has_account=rng.random(n) < WITH_ACCOUNT,
        has_credit=rng.random(n) < WITH_CREDIT,
        income=_trait(n, INCOME_SPREAD, rng),
        activity=_trait(n, ACTIVITY_SPREAD, rng),
        leisure=_trait(n, 1.0, rng),
        digital=(DIGITAL * _signs(n, rng) + _trait(n, DIGITAL_SPREAD, rng)).astype(np.float32),
        undisciplined=rng.random(n) < UNDISCIPLINED,
        renter=rng.random(n) < 0.35,
        payday=rng.integers(0, 28, n),
        employer=draw_zipf(EMPLOYERS, ZIPF_COUNTERPARTY, n, rng),
        city=draw_zipf(len(CITIES), ZIPF_CITY, n, rng),
        products=products,
        credit_limit=(2000 * np.exp(rng.normal(0, 0.8, n))).astype(np.float32),
        cycle=rng.integers(0, 4, n).astype(np.int16),
        cash_first=_signs(n, rng),
        early_payday=_signs(n, rng),
        pass_through=_signs(n, rng),
        relapse=_signs(n, rng),
        plan=_signs(n, rng),
        next_plan=_signs(n, rng),
        cash_first_settled=zeros.copy(),
        early_payday_settled=zeros.copy(),
        pass_through_settled=zeros.copy(),
        relapse_settled=zeros.copy(),
        jobless_settled=zeros.copy(),
        mood=(rng.standard_normal(n) * MOOD_STEP / np.sqrt(1 - MOOD_MEMORY**2)).astype(np.float32),
        jobless=rng.random(n) < JOB_LOSS / (JOB_LOSS + JOB_FOUND),
        left=np.full(n, NEVER),
        overdue=np.full(n, NEVER),
    )


def begin_month(clients: Clients, rng: np.random.Generator) -> None:
    """Move the mood: the only part of a month's activity that is still open when the previous month ends."""
    clients.mood[:] = MOOD_MEMORY * clients.mood + MOOD_STEP * rng.standard_normal(len(clients))


def end_month(clients: Clients, month: int, rng: np.random.Generator) -> None:
    """Let habits settle and change, jobs come and go, people move and return; a new plan each quarter."""
    n = len(clients)
    here = clients.here(month)
    for habit, settled, shown in (
        (clients.cash_first, clients.cash_first_settled, clients.has_card),
        (clients.early_payday, clients.early_payday_settled, clients.has_account),
        (clients.pass_through, clients.pass_through_settled, clients.has_account),
        (clients.relapse, clients.relapse_settled, clients.has_credit),
        (clients.jobless, clients.jobless_settled, clients.has_account),
    ):
        settled += SETTLING * (habit * (here & shown) - settled)
    for habit in (clients.cash_first, clients.early_payday, clients.pass_through):
        habit[rng.random(n) < HABIT_CHANGE] *= -1
    chance = rng.random(n)
    clients.jobless[:] = np.where(clients.jobless, chance >= JOB_FOUND, chance < JOB_LOSS)
    moving = rng.random(n) < MOVING
    clients.city[moving] = draw_zipf(len(CITIES), ZIPF_CITY, int(moving.sum()), rng)
    returning = (clients.left != NEVER) & (month - clients.left >= RETURN_AFTER) & (rng.random(n) < RETURN)
    clients.left[returning] = NEVER
    if (month + 1) % QUARTER == 0:
        clients.plan[:] = clients.next_plan
        clients.next_plan[:] = _signs(n, rng)
