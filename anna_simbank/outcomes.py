"""What will happen to a client: the oracle's probabilities under the simulator, and the draw from them.

Coefficients are in log-odds. Habits (order of events) carry the larger part, traits that counts and sums show
the smaller one: what is visible nearly suffices to reach the oracle, while aggregates alone fall short.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anna_simbank.clients import Clients

Matrix = NDArray[np.float64]

LIFE_STAGES = ("student", "family", "professional", "retired")
PRODUCTS = ("loan", "deposit", "insurance")
# Corners of the square (leaning to leisure, cash habit), in the order of LIFE_STAGES
_CORNERS = np.array([[1, 1], [-1, -1], [1, -1], [-1, 1]], dtype=np.float64)

# Intercepts set the shares of positives: about 15 % churn, 6 % overdue, 20 to 30 % for each product.
_CHURN, _OVERDUE = -2.15, -5.0
_LOAN, _DEPOSIT, _INSURANCE = -1.7, -1.6, -1.6


@dataclass(frozen=True)
class Chances:
    """Oracle probabilities of n clients as of a month's start."""

    churn: Matrix  # (n,)
    overdue: Matrix  # (n,)
    life_stage: Matrix  # (n, 4), rows sum to 1
    products: Matrix  # (n, 3), independent of one another given the hidden state


def _sigmoid(x: Matrix) -> Matrix:
    return 1.0 / (1.0 + np.exp(-x))


def chances(clients: Clients) -> Chances:
    """Return the probabilities from the hidden state; domains in which a client is missing contribute nothing."""
    card = clients.has_card.astype(np.float64)
    account = clients.has_account.astype(np.float64)
    known_money = np.maximum(card, account)
    cash, payday = clients.cash_first_settled, clients.early_payday_settled
    passing, relapse = clients.pass_through_settled, clients.relapse_settled
    undisciplined = np.maximum(account, clients.has_credit) * clients.undisciplined

    churn = (
        _CHURN + 1.8 * cash + 1.7 * payday + 0.8 * relapse - 1.6 * card * clients.digital
        + 1.5 * clients.jobless_settled
    )  # fmt: skip
    overdue = (
        _OVERDUE + 2.0 * passing + 1.1 * relapse + 0.8 * cash + 2.0 * undisciplined
        + 2.0 * clients.jobless_settled
    )  # fmt: skip
    axes = np.stack([card * clients.leisure, cash + 0.5 * passing], axis=1)
    scores = np.exp(1.7 * axes @ _CORNERS.T)
    products = np.stack(
        [
            _LOAN + 1.4 * relapse + 1.2 * passing + 1.6 * undisciplined,
            _DEPOSIT + 1.6 * payday + 1.8 * known_money * clients.income,
            _INSURANCE + 1.4 * passing - 1.0 * cash - 0.9 * card * clients.leisure,
        ],
        axis=1,
    )
    stages = scores / scores.sum(axis=1, keepdims=True)
    return Chances(_sigmoid(churn), _sigmoid(overdue), stages, _sigmoid(products))


@dataclass(frozen=True)
class Outcomes:
    """What came of the probabilities in the following quarter."""

    churn: NDArray[np.bool_]  # (n,)
    overdue: NDArray[np.bool_]  # (n,)
    life_stage: NDArray[np.int64]  # (n,) positions in LIFE_STAGES
    products: NDArray[np.bool_]  # (n, 3)


def draw_outcomes(probabilities: Chances, rng: np.random.Generator) -> Outcomes:
    """Draw each outcome independently, given the hidden state."""
    n = len(probabilities.churn)
    below = probabilities.life_stage.cumsum(axis=1)[:, :-1]
    return Outcomes(
        churn=rng.random(n) < probabilities.churn,
        overdue=rng.random(n) < probabilities.overdue,
        life_stage=(rng.random((n, 1)) >= below).sum(axis=1),
        products=rng.random((n, 3)) < probabilities.products,
    )
