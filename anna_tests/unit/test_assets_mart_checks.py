"""What the page of a mart tells of its months."""

import datetime as dt

import pytest

from anna_assets.layers.mart_assets import _check
from anna_tests.unit.conftest import events_frame

NOON = dt.datetime(2024, 3, 5, 12)


@pytest.mark.parametrize(
    ("of_one", "told"),
    [
        (400, "Every field has values."),
        (501, "2024-03: client '0' has 501 of 1,000 events; if that is a word for an unknown one, leave the client "
              "empty in these rows"),
    ],
)  # fmt: skip
def test_a_client_with_most_events_of_a_large_month_is_told(bank, of_one, told):
    clients = ["0"] * of_one + [f"c{number}" for number in range(1000 - of_one)]
    bank.put(events_frame([(client, NOON, "x", True, float(place)) for place, client in enumerate(clients)]))
    assert _check({"2024-03": bank.build()}).description == told


def test_a_client_with_all_events_of_a_small_month_is_not(bank):
    bank.put(events_frame([("a", NOON, "x", True, float(place)) for place in range(900)]))
    assert _check({"2024-03": bank.build()}).passed
