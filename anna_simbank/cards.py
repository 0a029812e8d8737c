"""A month's card transactions: single purchases, and errands whose order reveals a habit or a plan."""

import numpy as np
from numpy.typing import NDArray

from anna_core.durations import SECOND
from anna_simbank.calendar import Months
from anna_simbank.catalogue import (
    CITIES,
    GROUP_NAMES,
    MCC,
    SPREAD,
    TYPICAL,
    ZIPF_CITY,
    draw_mcc,
    draw_zipf,
)
from anna_simbank.clients import Clients
from anna_simbank.events import Array, Events, in_time_order
from anna_simbank.intensity import CASH_ERRANDS, PLAN_ERRANDS, Intensity, card_intensity, draw_groups

CHANNELS = ["atm", "pos", "contactless", "wallet", "online", "app"]
CURRENCIES = ["EUR", "USD", "GBP", "CHF"]
VOCABULARY = {"mcc": MCC, "city": CITIES, "channel": CHANNELS, "currency": CURRENCIES}

HABIT_SHOWS = 0.96  # chance that an errand follows the habit: a few errands make it clear, none alone does
ERRAND_GAP = (5 * 60, 50 * 60)  # seconds between the two events of an errand
DIGITAL_INTERCEPT, DIGITAL_SLOPE = -0.9, 1.6  # log-odds that a payment is online, or by phone in person
REFUND = 0.015  # of single purchases
AWAY = 0.06  # of events outside the home city
FOREIGN = 0.03  # of events in another currency; the amount is in the account's own all the same
CASH_STEP = 10.0  # cash machines pay out round amounts

_CASH, _GROCERY = GROUP_NAMES.index("cash"), GROUP_NAMES.index("grocery")
_FUEL, _RESTAURANT = GROUP_NAMES.index("fuel"), GROUP_NAMES.index("restaurant")


def draw_amounts(group: NDArray[np.int8], scale: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw log-normal amounts for events of the given groups and factors, in account currency, to the cent."""
    amount: NDArray[np.float64] = TYPICAL[group] * scale * np.exp(SPREAD[group] * rng.standard_normal(len(group)))
    cash = group == _CASH
    amount[cash] = np.maximum(CASH_STEP, np.rint(amount[cash] / CASH_STEP) * CASH_STEP)
    return np.round(np.maximum(amount, 0.01), 2).astype(np.float64, copy=False)


def _errands(
    rate: NDArray[np.float64],
    habit: NDArray[np.int8],
    first: int,
    second: int,
    month: int,
    months: Months,
    rng: np.random.Generator,
) -> tuple[Array, Array, Array]:
    """Draw errands: (client positions, times, groups), two events each; a habit of -1 swaps the two."""
    client = np.repeat(np.arange(len(rate)), rng.poisson(rate))
    begins = months.moments(month, len(client), rng)
    ends = begins + rng.integers(*ERRAND_GAP, len(client)) * SECOND
    # An errand across midnight of the last day would fall into the next month's file: it ends with the month.
    ends = np.minimum(ends, months.begin(month + 1) - SECOND)
    follows = rng.random(len(client)) < HABIT_SHOWS
    as_named = (habit[client] > 0) == follows
    groups = np.where(as_named, first, second), np.where(as_named, second, first)
    return np.tile(client, 2), np.concatenate([begins, ends]), np.concatenate(groups).astype(np.int8)


def _channels(
    clients: Clients, client: Array, group: Array, single: Array, rng: np.random.Generator
) -> NDArray[np.int8]:
    # The leaning shows twice: single purchases are made online, and payments in person are made by phone.
    modern = 1 / (1 + np.exp(-(DIGITAL_INTERCEPT + DIGITAL_SLOPE * clients.digital[client])))
    is_modern = rng.random(len(client)) < modern
    kind = rng.random(len(client))
    in_person = np.where(is_modern, 3, np.where(kind < 0.55, 1, 2))
    channel = np.where(single & is_modern, np.where(kind < 0.7, 4, 5), in_person)
    return np.where(group == _CASH, 0, channel).astype(np.int8)


def _events(
    clients: Clients, expected: Intensity, month: int, months: Months, rng: np.random.Generator
) -> tuple[Array, Array, Array, Array]:
    """Draw (client positions, times, groups, whether single) of a month's card events."""
    single = np.repeat(np.arange(len(clients)), rng.poisson(expected.singles))
    per_errand = expected.errands / (CASH_ERRANDS + PLAN_ERRANDS)
    parts = [
        (single, months.moments(month, len(single), rng), draw_groups(expected.share, single, rng)),
        _errands(CASH_ERRANDS * per_errand, clients.cash_first, _CASH, _GROCERY, month, months, rng),
        _errands(PLAN_ERRANDS * per_errand, clients.next_plan, _FUEL, _RESTAURANT, month, months, rng),
    ]
    client, time, group = (np.concatenate(column) for column in zip(*parts, strict=True))
    return client, time, group, np.arange(len(client)) < len(single)


def card_transactions(clients: Clients, month: int, block: int, months: Months, rng: np.random.Generator) -> Events:
    """Draw a month's card events of a block of clients, in order of time."""
    expected = card_intensity(clients, clients.mood, clients.presence(month), months.season(month))
    client, time, group, single = _events(clients, expected, month, months, rng)
    n = len(client)
    amount = draw_amounts(group, expected.scale[client], rng)
    refund = single & (group != _CASH) & (rng.random(n) < REFUND)
    channel = _channels(clients, client, group, single, rng)
    away = rng.random(n) < AWAY
    city = np.where(away, draw_zipf(len(CITIES), ZIPF_CITY, n, rng), clients.city[client])
    foreign = rng.random(n) < FOREIGN
    columns: dict[str, Array] = {
        "client_id": clients.client_id[client],
        "event_time": time,
        "mcc": draw_mcc(group, rng),
        "city": city.astype(np.int16),
        "channel": channel,
        "currency": np.where(foreign, rng.integers(1, len(CURRENCIES), n), 0).astype(np.int8),
        "amount": np.where(refund, -amount, amount),
        "is_online": channel >= CHANNELS.index("online"),
    }
    return Events(in_time_order(columns, month, block), VOCABULARY)
