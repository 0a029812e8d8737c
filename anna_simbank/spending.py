"""The spend target (card purchases in the 30 days after as_of), and its expectation under the simulator."""

import numpy as np
from numpy.typing import NDArray

from anna_core.durations import DAY
from anna_simbank.calendar import Months
from anna_simbank.cards import REFUND, draw_amounts
from anna_simbank.catalogue import GROUP_NAMES, MEAN_AMOUNT
from anna_simbank.clients import LEAVING, MOOD_MEMORY, MOOD_STEP, Clients
from anna_simbank.events import Events
from anna_simbank.intensity import (
    CASH_ERRANDS,
    ERRANDS_WITH_ACTIVITY,
    PLAN_ERRANDS,
    Intensity,
    card_intensity,
    draw_groups,
)

Matrix = NDArray[np.float64]

SPEND_DAYS = 30
DRAWS = 40  # simulated months behind E[log1p]; their noise costs less than 1 % of what is explained
_CASH = GROUP_NAMES.index("cash")
# What the two events of an errand cost; the kinds are as likely as their rates are high.
_ERRAND_NAMES = (("cash", "grocery"), ("fuel", "restaurant"))
_ERRAND_GROUPS = [[GROUP_NAMES.index(name) for name in pair] for pair in _ERRAND_NAMES]
_ERRAND_RATES = (CASH_ERRANDS, PLAN_ERRANDS)
_ERRAND_MEAN = np.average([MEAN_AMOUNT[g].sum() for g in _ERRAND_GROUPS], weights=_ERRAND_RATES)
_KEPT = np.where(np.arange(len(GROUP_NAMES)) == _CASH, 1.0, 1.0 - REFUND)  # refunds do not count as spend


def spent_in_window(events: Events, first_id: int, clients: int, begin: int) -> Matrix:
    """Sum the positive amounts in the `SPEND_DAYS` from `begin` (microseconds); shape (clients,)."""
    time, amount = events.columns["event_time"], events.columns["amount"].astype(np.float64)
    counts = (time >= begin) & (time < begin + SPEND_DAYS * DAY) & (amount > 0)
    position = (events.columns["client_id"] - first_id)[counts].astype(np.int64)
    return np.bincount(position, weights=amount[counts], minlength=clients).astype(np.float64)


def _expected_intensity(
    clients: Clients, month: int, months: Months, mood: NDArray[np.floating], presence: NDArray[np.floating]
) -> Intensity:
    window = SPEND_DAYS / months.days(month)
    return card_intensity(clients, mood, presence * window, months.season(month))


def expected_spend(clients: Clients, month: int, months: Months, churn: Matrix) -> Matrix:
    """Return E[spend] of the clients present at the start of `month`, shape (n,), in closed form.

    The mood's innovation and churn (with the given probabilities) are averaged out; they are not foreseeable.
    """
    presence = 1 - churn * (1 - LEAVING[0])
    expected = _expected_intensity(clients, month, months, MOOD_MEMORY * clients.mood, presence)
    mean_single = expected.share @ (MEAN_AMOUNT * _KEPT)
    singles = expected.singles * np.exp(MOOD_STEP**2 / 2) * mean_single
    errands = expected.errands * np.exp((ERRANDS_WITH_ACTIVITY * MOOD_STEP) ** 2 / 2) * _ERRAND_MEAN
    return expected.scale * (singles + errands)


def expected_log_spend(clients: Clients, month: int, months: Months, churn: Matrix, rng: np.random.Generator) -> Matrix:
    """Return E[log1p(spend)], shape (n,): the mean of `DRAWS` simulated windows, as no closed form exists."""
    n = len(clients)
    total = np.zeros(n)
    for _ in range(DRAWS):
        mood = MOOD_MEMORY * clients.mood + MOOD_STEP * rng.standard_normal(n)
        presence = np.where(rng.random(n) < churn, LEAVING[0], 1.0)
        expected = _expected_intensity(clients, month, months, mood, presence)
        single = np.repeat(np.arange(n), rng.poisson(expected.singles))
        single_group = draw_groups(expected.share, single, rng)
        kept = rng.random(len(single)) < _KEPT[single_group]
        client, group = [single[kept]], [single_group[kept]]
        per_errand = expected.errands / sum(_ERRAND_RATES)
        for rate, groups in zip(_ERRAND_RATES, _ERRAND_GROUPS, strict=True):
            errand = np.repeat(np.arange(n), rng.poisson(rate * per_errand))
            for code in groups:
                client.append(errand)
                group.append(np.full(len(errand), code, dtype=np.int8))
        who = np.concatenate(client)
        amount = draw_amounts(np.concatenate(group), expected.scale[who], rng)
        total += np.log1p(np.bincount(who, weights=amount, minlength=n))
    return total / DRAWS
