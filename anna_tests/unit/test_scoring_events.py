"""Raw events in memory become the same sequences as those of marts built from a file with the same rows."""

import datetime as dt
import json
import random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anna_core.domains import Domain
from anna_core.errors import SourceError
from anna_core.marts.dictionary import Dictionary, read_dictionary
from anna_core.marts.mart import build_mart
from anna_core.memory import DEFAULT_MEMORY
from anna_core.scoring.client_events import ClientEvents, RequestError, gather, read_records
from anna_core.scoring.event_sequences import EventReader, EventsRead
from anna_core.scoring.given_columns import UnfitValueError, given_column
from anna_core.sequences.build import write_sequences
from anna_core.sequences.ragged import Sequences
from anna_core.sources.corrections import read_corrections
from anna_core.sources.observing import observe
from anna_core.sources.source import Source

ZONE = "Europe/Moscow"
AS_OF = dt.date(2024, 3, 15)
CARDS = Domain.model_validate(
    {
        "name": "cards",
        "source": {"path": "cards"},
        "columns": {"client_id": "who", "event_time": "at"},
        "event_key": ["id"],
        "fields": {"kind": "categorical", "amount": "numeric", "online": "boolean"},
        "availability_lag": "1d",
        "lookback": "60d",
        "max_length": 5,
    }
)
MONTHS = [dt.date(2024, month, 1) for month in (1, 2, 3, 4)]


def event(id_: object, at: object, kind: object = "k1", amount: object = 1.5, online: object = True) -> dict:
    return {"id": id_, "at": at, "kind": kind, "amount": amount, "online": online}


def read(
    clients: dict[str, list[dict] | dict], domain: Domain = CARDS, kinds: tuple[str, ...] = ("k1", "k2")
) -> EventsRead:
    rows = [ClientEvents(name, AS_OF, {domain.name: events}) for name, events in clients.items()]
    return reader(domain, kinds).read(gather(domain, rows), *of(rows))


def reader(domain: Domain = CARDS, kinds: tuple[str, ...] = ("k1", "k2"), share: float = 0.1) -> EventReader:
    table = {"field": ["kind"] * len(kinds), "value": list(kinds), "code": list(range(1, len(kinds) + 1))}
    schema = {"field": pl.String, "value": pl.String, "code": pl.UInt32}
    return EventReader(domain, Dictionary(domain, pl.DataFrame(table, schema=schema)), ZONE, share)


def of(rows: list[ClientEvents]):
    ids = pl.Series([str(row.client_id) for row in rows], dtype=pl.String).to_arrow(
        compat_level=pl.CompatLevel.oldest()
    )
    return ids, np.array([row.as_of for row in rows], dtype="datetime64[D]")


def shown(sequences: Sequences, row: int = 0) -> list[tuple]:
    """A row's events: time, fields."""
    span = slice(sequences.start[row], sequences.start[row] + sequences.length[row])
    time = sequences.event_time[span].astype("datetime64[us]").tolist()
    return list(zip(time, *(column[span].tolist() for column in sequences.columns.values()), strict=True))


def test_events_are_typed_encoded_ordered_and_cut() -> None:
    found = read(
        {
            "a": [
                event("3", "2024-03-14 00:00:00"),  # available on the day itself
                event("2", "2024-03-13 23:59:59", kind="new", amount="1234.5", online="no"),
                event("1", "2024-03-01T10:00:00Z", kind=None, amount=None, online=None),
                event("0", "2024-01-14"),  # before the window
            ],
            "b": [],
        }
    )
    assert shown(found.sequences) == [
        (dt.datetime(2024, 3, 1, 13), 3, pytest.approx(np.nan, nan_ok=True), 0),
        (dt.datetime(2024, 3, 13, 23, 59, 59), 3, 1234.5, 1),
    ]  # neither "new" nor a missing kind were known at training: their code lies behind the last
    assert found.sequences.length.tolist() == [2, 0]
    assert (found.left.tolist(), found.reasons, found.repeated) == ([0, 0], {}, 0)


def test_columns_and_records_are_the_same_and_so_are_python_values() -> None:
    events = [event(str(n), f"2024-03-0{n} 10:00:00", kind=f"k{n % 3}") for n in range(1, 8)]
    columns = {name: [one[name] for one in events] for name in events[0]}
    python = [{**one, "at": dt.datetime.fromisoformat(one["at"])} for one in events]
    records, as_columns, of_python = (shown(read({"a": given}).sequences) for given in (events, columns, python))
    assert records == as_columns == of_python
    assert len(records) == CARDS.max_length


@pytest.mark.parametrize(
    ("kinds", "codes"),
    [
        ([None, None], [3, 3]),  # a missing one was not known at training either
        ([5411.0, float("nan")], [1, 3]),
        ([5411, "5411.0"], [1, 1]),
        (["5411", True], [1, 3]),
        ([float("inf"), "new"], [3, 3]),
    ],
)
def test_a_category_is_what_it_means_whatever_stands_beside_it(kinds: list, codes: list[int]) -> None:
    events = [event(str(n), f"2024-03-0{n + 1}", kind=kind, amount=None, online=None) for n, kind in enumerate(kinds)]
    ours = reader(kinds=("5411", "x"))
    for _ in range(2):  # the second time the codes are known
        rows = [ClientEvents("a", AS_OF, {"cards": events})]
        assert [code for _, code, _, _ in shown(ours.read(gather(CARDS, rows), *of(rows)).sequences)] == codes


def test_an_event_that_comes_twice_counts_once_and_the_later_month_stays() -> None:
    found = read(
        {
            "a": [
                event("1", "2024-03-01", amount=2.0),
                event("1", "2024-02-28", amount=1.0),
                event("2", "2024-03-02", amount=3.0),
                event("2", "2024-03-02", amount=3.0),
            ],
            "b": [event("1", "2024-03-03", amount=5.0)],
        }
    )
    assert [amount for _, _, amount, _ in shown(found.sequences)] == [2.0, 3.0]
    assert (found.sequences.length.tolist(), found.repeated) == ([2, 1], 2)


def test_what_cannot_be_used_is_left_aside_and_counted_by_client() -> None:
    good = [event(str(n), "2024-03-01 10:00:00", online=None) for n in range(30)]
    found = read(
        {
            "a": good,
            "b": [event("1", "yesterday"), event("2", "2024-03-01", amount="much"), event("3", None)],
        }
    )
    assert found.sequences.length.tolist() == [5, 1]
    assert found.left.tolist() == [0, 3]
    assert found.reasons == {"at is no time": 1, "at is missing": 1, "amount is no number": 1}


def test_too_much_is_refused_with_domain_column_place_and_value() -> None:
    events = [event(str(n), "yesterday" if n % 2 else "2024-03-01") for n in range(40)]
    with pytest.raises(SourceError) as told:
        read({"a": [], "b": events})
    for part in ("domain cards", "at is no time in 20 of them", "column at, client 'b', event 2: 'yesterday'"):
        assert part in str(told.value)


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ("all", "domain cards, client 'a': is 'all', but should be a list"),
        ([event("1", "2024-03-01"), 7], "client 'a', event 2: is 7, but should be an object"),
        ([event("1", "2024-03-01", kind=["x"])], r"column kind, client 'a', event 1: \['x'\] is not a single value"),
        ([{**event("1", "2024-03-01"), "who": "b"}], "column who, event 1: is another client's, 'b'"),
        ([{"id": 1, "at": "2024-03-01", "kind": "x", "online": 1, "Amount": 2}], "'Amount' is there instead of"),
        ([{"at": "2024-03-01"}], "no event names id, kind, amount, online; they name"),
        ({"id": [1, 2], "at": ["2024-03-01"]}, "its columns are not of one length"),
        ({"id": 1}, "column id: is 1, but should be a list"),
        ([event("1", True)], "at.* not a date, a time stamp or text of one"),
    ],
)  # fmt: skip
def test_what_is_no_table_of_events_is_refused_by_name(events: object, words: str) -> None:
    with pytest.raises((RequestError, SourceError), match=words):
        read({"a": events})


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"as_of": "2024-03-15", "events": {}}, "record 1: has no client_id"),
        ({"client_id": float("nan"), "as_of": "2024-03-15", "events": {}}, "record 1: has no client_id"),
        ({"client_id": "a", "events": {}}, "client 'a': has no as_of, and none is given for all"),
        ({"client_id": "a", "as_of": "15.03.2024", "events": {}}, "as_of is '15.03.2024', which is no day"),
        ({"client_id": "a", "as_of": "2024-03-15 12:00", "events": {}}, "which is no day"),
        ({"client_id": "a", "as_of": "2024-02-31", "events": {}}, "which is no day"),
        ({"client_id": "a", "as_of": "0001-01-01", "events": {}}, "which is no day"),
        ({"client_id": "a", "as_of": "2024-03-15"}, "events is None, but should be an object"),
        ({"client_id": "a", "as_of": "2024-03-15", "events": []}, "events is .*, but should be an object"),
        ({"client_id": "a", "events": {"Cards": []}}, "no domain 'Cards'; it reads cards. Is cards meant"),
        ({"client_id": "a", "cards": [], "events": {}}, "client 'a': names cards, of which the model knows nothing"),
        (7, "record 1: is 7, but should be an object"),
    ],
)
def test_odd_records_are_refused(record: object, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        read_records([record], ["cards"])


def test_a_day_may_be_given_once_for_all_and_gaps_are_no_events() -> None:
    records = [
        {"client_id": "a", "as_of": float("nan"), "events": {"cards": None}},
        {"client_id": 7, "as_of": dt.datetime(2024, 1, 2), "events": {}},
    ]
    first, second = read_records(records, ["cards"], "2024-03-15")
    assert (first.as_of, dict(first.events), second.as_of) == (AS_OF, {}, dt.date(2024, 1, 2))


@pytest.mark.parametrize(
    ("values", "kind", "texts"),
    [
        ([1, None, 2], pl.Int64, ["1", None, "2"]),
        ([1, 2.5], pl.Float64, ["1.0", "2.5"]),
        ([2**53 + 1, 2.5], pl.String, ["9007199254740993", "2.5"]),
        ([2**64], pl.String, ["18446744073709551616"]),
        (["007", 7], pl.String, ["007", "7"]),
        ([True, None], pl.Boolean, ["true", None]),
        ([None], pl.Null, [None]),
        ([dt.datetime(2024, 1, 1), "2024-01-02"], pl.String, ["2024-01-01 00:00:00", "2024-01-02"]),
    ],
)
def test_values_become_a_column_of_a_type_that_the_door_knows(values, kind, texts) -> None:
    column = given_column("x", values)
    assert column.dtype == kind
    assert column.cast(pl.String).to_list() == texts


_EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 12),  # the key
        st.datetimes(dt.datetime(2024, 1, 1), dt.datetime(2024, 4, 20)).map(lambda at: at.replace(microsecond=0)),
        st.sampled_from(["k1", "k2", "5411", "", None]),
        st.one_of(st.none(), st.floats(-1e6, 1e6, width=32)),
        st.sampled_from([True, False, None]),
    ),
    max_size=40,
)


@settings(max_examples=25, deadline=None)
@given(events=_EVENTS, keyed=st.booleans(), seed=st.integers(0, 99))
def test_raw_events_give_the_sequences_of_a_mart_of_the_same_rows(tmp_path_factory, events, keyed, seed) -> None:
    domain = CARDS if keyed else CARDS.model_copy(update={"event_key": ()})
    home = tmp_path_factory.mktemp("bank")
    (home / "cards").mkdir()
    names = {"who": pl.String, "id": pl.Int64, "at": pl.Datetime("us"), "kind": pl.String, "amount": pl.Float64}
    frame = pl.DataFrame(events, schema=names | {"online": pl.Boolean}, orient="row")
    frame.write_parquet(home / "cards" / "all.parquet")
    source = Source(domain, home, ZONE, 0.0, 1.0)
    observe(source, home / "observed", "", DEFAULT_MEMORY, [])
    for month in MONTHS:
        corrections = read_corrections(home / "observed", f"{month:%Y-%m-01}")
        build_mart(source, month, home / "mart", home / "dictionary", DEFAULT_MEMORY, corrections, None)
    clients = ["c", "a", "d", "b"]
    rows = pl.DataFrame({"client_id": clients, "as_of": [AS_OF] * 4})
    (home / "sequences").mkdir()
    dictionary = read_dictionary(domain, home / "dictionary")
    batch = write_sequences(domain, dictionary, home / "mart", rows, home / "sequences", DEFAULT_MEMORY)

    shuffled = frame.to_dicts()
    random.Random(seed).shuffle(shuffled)
    given_events = json.loads(json.dumps(shuffled, default=str))
    asked = [
        ClientEvents(name, AS_OF, {"cards": [one for one in given_events if one["who"] == name]}) for name in clients
    ]
    found = EventReader(domain, dictionary, ZONE, 1.0).read(gather(domain, asked), *of(asked)).sequences
    assert found.length.tolist() == batch.length.tolist()
    for row in range(4):
        np.testing.assert_equal(shown(found, row), shown(batch, row))


def test_half_a_sign_of_unicode_is_refused_with_its_place() -> None:
    for values in (["a", None, "\ud800"], [1, None, "\ud800"]):
        with pytest.raises(UnfitValueError, match="value 3 is text with half a sign of Unicode"):
            given_column("city", values)
