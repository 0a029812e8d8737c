import datetime as dt
import os
import re
from pathlib import Path

import pytest
import yaml

from anna_core.domains import RESERVED_FIELDS, Domain, read_domain, read_domains
from anna_core.errors import DomainError
from anna_tests.conftest import ROOT

GOOD = {
    "source": {"path": "warehouse/cards"},
    "event_key": ["event_id"],
    "fields": {"amount": "numeric", "mcc": "categorical", "online": "boolean", "city": "categorical"},
}


def write(folder: Path, content: object, name: str = "cards.yaml") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def test_a_file_says_what_is_needed_and_the_rest_has_defaults(tmp_path):
    domain = read_domain(write(tmp_path, GOOD | {"availability_lag": "12h", "lookback": "8w", "max_length": 64}))
    assert domain.name == "cards"
    assert domain.source.format == "parquet"
    assert domain.availability_lag == dt.timedelta(hours=12)
    assert domain.lookback == dt.timedelta(weeks=8)
    assert domain.max_length == 64
    assert domain.time_zone is None


def test_fields_keep_the_order_of_the_file(tmp_path):
    domain = read_domain(write(tmp_path, GOOD))
    assert list(domain.fields) == ["amount", "mcc", "online", "city"]
    assert domain.coded == ("mcc", "online", "city")
    assert domain.categorical == ("mcc", "city")
    assert domain.boolean == ("online",)
    assert domain.numeric == ("amount",)
    assert domain.source_columns == ("client_id", "event_time", "event_id", "amount", "mcc", "online", "city")


def test_a_domain_survives_json(tmp_path):
    domain = read_domain(write(tmp_path, GOOD | {"availability_lag": "90m", "lookback": "36500d"}))
    assert type(domain).model_validate_json(domain.model_dump_json()) == domain


PROBLEMS = {
    "no source": ({"source": None, "fields": GOOD["fields"]}, "source"),
    "source without path": ({"source": {}}, r"source\.path: is missing; add it"),
    "empty path": ({"source": {"path": ""}}, r"source\.path: String should have at least 1 character"),
    "unknown format": ({"source": {"path": "x", "format": "orc"}}, r"source\.format: Input should be 'parquet'"),
    "misspelt kind": (
        {"fields": {"mcc": "category"}},
        r"fields\.mcc: .*'categorical', 'numeric' or 'boolean' \(found 'c",
    ),
    "no fields": ({"fields": {}}, "fields is empty: name at least one column, as in `amount: numeric`"),
    "reserved field": ({"fields": {"client_id": "numeric"}}, r"\['client_id'\] cannot be fields: marts call their own"),
    "key is the client": (
        {"columns": {"client_id": "card", "event_time": "ts"}, "event_key": ["card"]},
        "event_key is the client alone, so one event of each would stay: name the event's columns",
    ),
    "version alone": (
        {"event_key": [], "version": "updated_at"},
        "version decides between deliveries of one event: name",
    ),
    "misspelt setting": ({"look_back": "5d"}, r"look_back: .*; remove it or correct its spelling: is lookback meant\?"),
    "part of a name": ({"lag": "1d"}, r"lag: .*: is availability_lag meant\?"),
    "within a block": ({"source": {"path": "x", "fromat": "csv"}}, r"source\.fromat: .*: is format meant\?"),
    "zone of one machine": ({"time_zone": "Factory"}, "time_zone: 'Factory' is not a time zone"),
    "yes for a number": ({"max_length": True}, r"max_length: should be a number \(found True\)"),
    "bad zone": ({"time_zone": "Moscow"}, "time_zone: 'Moscow' is not a time zone: use a name such as Europe/Moscow"),
    "months": ({"lookback": "12m"}, "lookback: '12m' is a number of minutes; write months as days, as in 365d"),
    "no unit": ({"lookback": 365}, "lookback: '365' is not a duration: write a whole number and m, h, d or w"),
    "endless": ({"lookback": "99999999999999d"}, "lookback: .* longer than a hundred years"),
    "nothing visible": ({"lookback": "1d", "availability_lag": "24h"}, "lookback must be longer than availability_lag"),
    "length zero": ({"max_length": 0}, "max_length: Input should be greater than or equal to 1"),
    "key is a text": ({"event_key": "event_id"}, r"event_key: should be a list, as in \[a, b\] \(found 'event_id'\)"),
    "other name": ({"name": "accounts"}, "name 'accounts' differs from the file's: drop `name` or rename the file"),
}


@pytest.mark.parametrize(("change", "message"), PROBLEMS.values(), ids=PROBLEMS)
def test_an_error_names_file_field_and_cure(tmp_path, change, message):
    path = write(tmp_path, GOOD | change)
    with pytest.raises(DomainError, match=message) as caught:
        read_domain(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("name", sorted(RESERVED_FIELDS))
def test_names_of_the_marts_own_columns_cannot_be_fields(tmp_path, name):
    with pytest.raises(DomainError, match="cannot be fields"):
        read_domain(write(tmp_path, GOOD | {"fields": {name: "categorical"}}))


def test_every_problem_of_a_file_is_told_at_once(tmp_path):
    with pytest.raises(DomainError, match=r"fields\.mcc: .*; lookback: .*; typo: "):
        read_domain(write(tmp_path, GOOD | {"fields": {"mcc": "text"}, "lookback": "x", "typo": 1}))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("fields: [", "line 1: cannot be read as YAML: while parsing a flow node expected the node content"),
        ("a: 1\nb: c: d", "line 2: cannot be read as YAML: mapping values are not allowed here"),
        ("\tx: 1", r"line 1: cannot be read as YAML: .* found character '\\t' that cannot start any token"),
        ("since: 2024-13-01", "line 1: '2024-13-01' looks like a date, but is none"),
        ("fields: {mcc: categorical}\nfields: {amount: numeric}", "line 2: 'fields' is there twice, first in line 1"),
        ("fields:\n  no: numeric", "line 2: YAML reads the name no as yes or no; put it in quotes: 'no'"),
    ],
)
def test_what_is_not_yaml_is_told_with_its_line(tmp_path, text, told):
    with pytest.raises(DomainError, match=rf"cards\.yaml, {told}"):
        read_domain(write(tmp_path, text))


@pytest.mark.parametrize(("text", "found"), [("", "NoneType"), ("- a", "list"), ("just text", "str")])
def test_yaml_that_is_no_mapping_is_told(tmp_path, text, found):
    with pytest.raises(DomainError, match=rf"should hold `source:`, `columns:` and `fields:`; found {found}"):
        read_domain(write(tmp_path, text))


def test_a_file_in_another_encoding_is_told(tmp_path):
    path = tmp_path / "cards.yaml"
    path.write_bytes("description: карты".encode("cp1251"))
    with pytest.raises(DomainError, match=r"cards\.yaml, line 1: the text is not UTF-8\. Save the file as UTF-8"):
        read_domain(path)


def test_a_file_whose_name_is_not_utf8_is_told_and_stops_no_other(tmp_path):
    write(tmp_path, GOOD)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.yaml")).write_text(yaml.safe_dump(GOOD))
    found = read_domains(tmp_path)
    assert list(found.domains) == ["cards"]
    [note] = found.notes
    assert note.startswith(rf"{tmp_path}/\xff.yaml: '\xff' cannot name a domain: begin with a lower-case Latin letter")
    assert list(found.problems) == [r"\xff.yaml"]
    note.encode()


def test_a_file_name_that_cannot_be_a_domain_is_told(tmp_path):
    with pytest.raises(DomainError, match="'Card-Transactions' cannot name a domain"):
        read_domain(write(tmp_path, GOOD, "Card-Transactions.yaml"))


def test_domains_come_by_name_in_order(tmp_path):
    for name in ("b.yaml", "a.yml", "c.yaml", "notes.txt"):
        write(tmp_path, GOOD, name)
    assert sorted(read_domains(tmp_path).domains) == ["a", "b", "c"]


@pytest.mark.parametrize("folder", ["", "missing"])
def test_a_folder_without_domains_is_told(tmp_path, folder):
    with pytest.raises(
        DomainError, match=r"no domain file \(\*\.yaml\) here. Copy example.yaml.txt .* or set ANNA_DOMAINS"
    ):
        read_domains(tmp_path / folder)


def test_the_example_is_a_domain_as_it_stands_and_with_all_that_it_shows():
    text = (ROOT / "domains" / "example.yaml.txt").read_text()
    plain = Domain.model_validate({"name": "example", **yaml.safe_load(text)})
    lines = [re.sub(r"^( *)# (\w+: )", r"\1\2", line) for line in text.splitlines()]
    whole = yaml.safe_load("\n".join(lines))
    assert whole.keys() == Domain.model_fields.keys() - {"name"}
    shown = Domain.model_validate({"name": "example", **whole})
    defaults = ("description", "owner", "event_key", "version", "time_zone")
    assert shown.model_copy(update={name: getattr(plain, name) for name in defaults}) == plain


def test_two_files_of_one_domain_are_told(tmp_path):
    write(tmp_path, GOOD, "cards.yaml")
    write(tmp_path, GOOD, "cards.yml")
    with pytest.raises(DomainError, match="two files describe the same domain"):
        read_domains(tmp_path)


HALVES = {
    "half written": "source: {path: wareh",
    "empty": "",
    "wrong": "source: {path: x}\nfields: {mcc: text}\n",
    "deep": "a: " + "[" * 20_000,
}


@pytest.mark.parametrize("text", HALVES.values(), ids=HALVES)
def test_a_file_that_cannot_be_used_stops_no_other(tmp_path, text):
    write(tmp_path, GOOD)
    write(tmp_path, text, "draft.yaml")
    found = read_domains(tmp_path)
    assert list(found.domains) == ["cards"]
    assert list(found.problems) == ["draft.yaml"]
    [note] = found.notes
    assert re.match(f"{tmp_path / 'draft.yaml'}(, line 1)?: ", note)
    assert note.endswith("Until that is corrected, draft is left out.")
    assert "\n" not in note


@pytest.mark.parametrize("text", HALVES.values(), ids=HALVES)
def test_a_domain_whose_file_broke_stays_as_it_was(tmp_path, text):
    write(tmp_path, GOOD, "accounts.yaml")
    before = read_domains(write(tmp_path, GOOD).parent).domains
    write(tmp_path, text)
    found = read_domains(tmp_path, before)
    assert found.domains == before
    [note] = found.notes
    assert note.endswith("Until that is corrected, cards is used as its file was before.")


def test_a_domain_whose_file_is_gone_is_gone(tmp_path):
    write(tmp_path, GOOD, "accounts.yaml")
    before = read_domains(write(tmp_path, GOOD).parent).domains
    (tmp_path / "cards.yaml").unlink()
    assert list(read_domains(tmp_path, before).domains) == ["accounts"]


def test_two_files_of_one_domain_leave_it_as_it_was(tmp_path):
    before = read_domains(write(tmp_path, GOOD).parent).domains
    write(tmp_path, GOOD | {"lookback": "9d"}, "cards.yml")
    write(tmp_path, GOOD, "accounts.yaml")
    found = read_domains(tmp_path, before)
    assert found.domains["cards"] == before["cards"]
    assert "two files describe the same domain" in found.problems["cards.yaml"]


def test_what_an_editor_hides_is_no_domain(tmp_path):
    write(tmp_path, GOOD)
    write(tmp_path, "x", ".#cards.yaml")
    assert read_domains(tmp_path).problems == {}


def test_a_folder_where_no_file_can_be_used_is_told(tmp_path):
    write(tmp_path, "x", "a.yaml")
    write(tmp_path, "y", "b.yaml")
    with pytest.raises(DomainError, match=r"a\.yaml: should hold .*b\.yaml: should hold"):
        read_domains(tmp_path)


def test_the_domains_of_the_repository_can_be_read():
    found = read_domains(ROOT / "domains")
    assert found.problems == {}
    assert {"card_transactions", "account_transactions", "credit_history"} <= set(found.domains)
