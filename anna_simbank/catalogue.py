"""Category values of realistic cardinality: MCC-like codes by group, cities, operations, counterparties."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Group:
    """A group of merchant categories.

    Attributes:
        share: share of single purchases of a client without leanings.
        tilt: change of log-share per unit of the client's leaning to leisure.
        typical: median amount for a client of median income.
        spread: sigma of the log-normal amount; about 1 gives the heavy tail of real card data.
        first_code: first code of the group.
        codes: number of codes, drawn by Zipf's law.
    """

    share: float
    tilt: float
    typical: float
    spread: float
    first_code: int
    codes: int


GROUPS = {
    "grocery": Group(0.20, -0.8, 35, 0.7, 5411, 40),
    "restaurant": Group(0.12, 0.9, 28, 0.7, 5811, 25),
    "transport": Group(0.12, 0.5, 8, 0.8, 4111, 30),
    "fuel": Group(0.07, -0.3, 45, 0.5, 5541, 8),
    "pharmacy": Group(0.07, -0.8, 20, 0.8, 5912, 20),
    "clothing": Group(0.07, 0.3, 60, 0.9, 5611, 45),
    "electronics": Group(0.04, 0.5, 150, 1.0, 5722, 25),
    "household": Group(0.06, -0.8, 70, 1.0, 5200, 50),
    "entertainment": Group(0.07, 1.1, 30, 0.9, 7800, 45),
    "travel": Group(0.03, 0.6, 220, 1.0, 3000, 60),
    "services": Group(0.09, 0.0, 40, 1.0, 7210, 44),
    "cash": Group(0.06, -0.3, 120, 0.6, 6010, 8),
}
GROUP_NAMES = list(GROUPS)
SHARE = np.array([g.share for g in GROUPS.values()])
TILT = np.array([g.tilt for g in GROUPS.values()])
TYPICAL = np.array([g.typical for g in GROUPS.values()])
SPREAD = np.array([g.spread for g in GROUPS.values()])
MEAN_AMOUNT = TYPICAL * np.exp(SPREAD**2 / 2)  # of a log-normal
MCC = [str(g.first_code + i) for g in GROUPS.values() for i in range(g.codes)]

CITIES = [f"city_{i:03d}" for i in range(150)]
COUNTERPARTIES = [f"cp_{i:03d}" for i in range(300)]
EMPLOYERS = 120  # counterparties 0 … 119 pay salaries and take utilities; the rest are people and shops

ZIPF_MCC = 1.3
ZIPF_CITY = 1.0
ZIPF_COUNTERPARTY = 0.9


def zipf_cumulative(n: int, exponent: float) -> NDArray[np.float64]:
    """Return cumulative shares of ranks 1 … n, share ∝ rank^-exponent; shape (n,), the last one exactly 1."""
    share = np.arange(1, n + 1, dtype=np.float64) ** -exponent
    cumulative = np.cumsum(share / share.sum())
    cumulative[-1] = 1.0
    return cumulative


def draw_zipf(n_values: int, exponent: float, size: int, rng: np.random.Generator) -> NDArray[np.int16]:
    """Draw `size` ranks in 0 … n_values-1."""
    ranks = np.searchsorted(zipf_cumulative(n_values, exponent), rng.random(size), side="right")
    return ranks.astype(np.int16)


# Groups laid end to end: group g's cumulative shares are shifted by g, so that one search serves all groups.
_MCC_LADDER = np.concatenate([i + zipf_cumulative(g.codes, ZIPF_MCC) for i, g in enumerate(GROUPS.values())])


def draw_mcc(group: NDArray[np.int8], rng: np.random.Generator) -> NDArray[np.int16]:
    """Draw a code (a position in `MCC`) for each event's group."""
    position = np.searchsorted(_MCC_LADDER, group + rng.random(len(group)), side="right")
    return position.astype(np.int16)
