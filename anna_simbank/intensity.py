"""How much a client buys in a month: expected counts and the scale of amounts, before any event is drawn."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anna_simbank.catalogue import SHARE, TILT
from anna_simbank.clients import Clients

Matrix = NDArray[np.float64]

SINGLES = 4.5  # single purchases per month of a client with median activity
CASH_ERRANDS = 1.8  # cash and groceries, in the order of the cash habit
PLAN_ERRANDS = 2.4  # fuel and restaurant, in the order of the next quarter's plan
# Errands depend less on activity than single purchases, so that rare buyers show their habits, too.
ERRANDS_WITH_ACTIVITY = 0.3
JOBLESS_ACTIVITY = -0.4
PLAN_ACTIVITY, PLAN_AMOUNT = 0.30, 0.45  # log-effects of this quarter's plan
INCOME_AMOUNT = 1.0


@dataclass(frozen=True)
class Intensity:
    """Expected card activity of n clients in a month."""

    log_activity: Matrix  # (n,)
    presence: Matrix  # (n,) 0 … 1
    scale: Matrix  # (n,) factor on every amount
    share: Matrix  # (n, groups) of single purchases, rows sum to 1

    @property
    def singles(self) -> Matrix:
        """Expected single purchases, shape (n,)."""
        return SINGLES * self.presence * np.exp(self.log_activity)

    @property
    def errands(self) -> Matrix:
        """Expected errands of both kinds together, shape (n,)."""
        rate = np.exp(ERRANDS_WITH_ACTIVITY * self.log_activity)
        return (CASH_ERRANDS + PLAN_ERRANDS) * self.presence * rate


def card_intensity(
    clients: Clients, mood: NDArray[np.floating], presence: NDArray[np.floating], season: float
) -> Intensity:
    """Return the intensity for a given mood and presence; clients without cards have none."""
    share = SHARE * np.exp(TILT * clients.leisure[:, None].astype(np.float64))
    lasting = clients.activity + JOBLESS_ACTIVITY * clients.jobless + PLAN_ACTIVITY * clients.plan
    log_activity = lasting + mood + season
    return Intensity(
        log_activity=log_activity.astype(np.float64),
        presence=(presence * clients.has_card).astype(np.float64),
        scale=np.exp(INCOME_AMOUNT * clients.income + PLAN_AMOUNT * clients.plan).astype(np.float64),
        share=share / share.sum(axis=1, keepdims=True),
    )


def draw_groups(share: Matrix, client: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int8]:
    """Draw a group for each event of the clients at positions `client`, by their shares."""
    below = share.cumsum(axis=1)[:, :-1].astype(np.float32)
    chance = rng.random(len(client), dtype=np.float32)
    group = np.zeros(len(client), dtype=np.int8)
    for edge in below.T:  # one pass per group is faster than a matrix of events × groups
        group += chance >= edge[client]
    return group
