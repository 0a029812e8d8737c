"""A month's credit history: a statement for each account, with statuses that run through a four-month cycle."""

import numpy as np

from anna_core.durations import DAY, HOUR, SECOND
from anna_simbank.calendar import QUARTER, Months
from anna_simbank.clients import Clients
from anna_simbank.events import Array, Events, in_time_order

PRODUCTS = ["credit_card", "consumer_loan", "mortgage", "car_loan", "overdraft", "instalment"]
# days past due by class; X: nothing was due; C: paid in full, or closed
STATUSES = ["0", "1", "2", "3", "4", "5", "C", "X"]
VOCABULARY = {"product": PRODUCTS, "status": STATUSES}

# The same steps in two orders: windows and counts see (nearly) the same thing.
CYCLE_RELAPSE = np.array([0, 1, 0, 2])
CYCLE_SLIDE = np.array([0, 0, 1, 2])
STEP_UNDISCIPLINED = np.array([STATUSES.index(s) for s in ("0", "1", "2")])
STEP_DISCIPLINED = np.array([STATUSES.index(s) for s in ("0", "X", "C")])
PAID_UNDISCIPLINED = np.array([0.30, 0.10, 0.03])  # share of the balance paid at each step
PAID_DISCIPLINED = np.array([0.30, 0.0, 1.0])
STRAY = 0.03  # chance of a step out of the cycle
# Statuses in the three months of an overdue quarter: later on, the outcome can be seen in the data.
OVERDUE_STATUS = np.array([STATUSES.index(s) for s in ("2", "3", "4")])


def credit_history(clients: Clients, month: int, block: int, months: Months, rng: np.random.Generator) -> Events:
    """Draw a month's statements of a block of clients; the accounts of those who churn close and fall silent."""
    reporting = clients.has_credit & (clients.joined <= month) & (clients.presence(month) > 0)
    client, account = np.nonzero(reporting[:, None] & (clients.products >= 0))
    n = len(client)
    place = (month + clients.cycle[client]) % len(CYCLE_RELAPSE)
    step = np.where(clients.relapse[client] > 0, CYCLE_RELAPSE[place], CYCLE_SLIDE[place])
    # Strays are drawn from the cycle itself, so the shares of the steps stay the same.
    step = np.where(rng.random(n) < STRAY, CYCLE_RELAPSE[rng.integers(0, 4, n)], step)
    undisciplined = clients.undisciplined[client]
    status = np.where(undisciplined, STEP_UNDISCIPLINED[step], STEP_DISCIPLINED[step])
    paid = np.where(undisciplined, PAID_UNDISCIPLINED[step], PAID_DISCIPLINED[step])

    since = month - clients.overdue[client]
    overdue = since < QUARTER
    status = np.where(overdue, OVERDUE_STATUS[np.clip(since, 0, QUARTER - 1)], status)
    paid = np.where(overdue, 0.0, paid)
    status = np.where(month - clients.left[client] == 1, STATUSES.index("C"), status)

    limit = np.round(clients.credit_limit[client].astype(np.float64) * (1 + account), -2) + 100
    balance = limit * np.clip(0.5 * np.exp(rng.normal(0, 0.25, n)), 0, 1)
    day = (clients.payday[client] + 5 + 3 * account) % 28
    time = months.begin(month) + day * DAY + 8 * HOUR + rng.integers(0, 10 * 3600, n) * SECOND
    columns: dict[str, Array] = {
        "client_id": clients.client_id[client],
        "event_time": time,
        "product": clients.products[client, account].astype(np.int8),
        "status": status.astype(np.int8),
        "balance": np.round(balance, 2),
        "credit_limit": limit,
        "payment": np.round(balance * paid, 2),
    }
    return Events(in_time_order(columns, month, block), VOCABULARY)
