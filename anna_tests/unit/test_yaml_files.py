"""YAML as people write it: what it would take in silence is refused, with line and cure."""

import datetime as dt
import os
from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from anna_core.yaml_files import MOST_BYTES, YamlError, parse_yaml, read_yaml

REFUSED = {
    "twice": ("a: 1\nb: 2\na: 3", 3, "'a' is there twice, first in line 1; keep one."),
    "twice within": ("a:\n  b: 1\n  c: 2\n  b: 1", 4, "'b' is there twice, first in line 2; keep one."),
    "twice, in two writings": ("a: 1\n'a': 1", 2, "'a' is there twice, first in line 1; keep one."),
    "no": ("fields:\n  no: numeric", 2, "YAML reads the name no as yes or no; put it in quotes: 'no'."),
    "on": ("- {on: 1}", 1, "YAML reads the name on as yes or no; put it in quotes: 'on'."),
    "number": ("5411: 1", 1, "YAML reads the name 5411 as a number; put it in quotes: '5411'."),
    "date": ("2024-03-31: 1", 1, "YAML reads the name 2024-03-31 as a date; put it in quotes: '2024-03-31'."),
    "nothing": ("~: 1", 1, "YAML reads the name ~ as nothing; put it in quotes: '~'."),
    "no name": ("a: 1\n?\n: 1", 2, "the name before the colon is missing; write it."),
    "a list for a name": ("[a]: 1", 1, "a list or block stands where a name should; put it in quotes if it is a name."),
    "no date": (
        "a: 1\nb: 2024-13-45", 2,
        "'2024-13-45' looks like a date, but is none; correct it, or put it in quotes if it is text.",
    ),
    "no moment": (
        "2024-01-01T99:00:00Z", 1,
        "'2024-01-01T99:00:00Z' looks like a date, but is none; correct it, or put it in quotes if it is text.",
    ),
    "year 0": (
        "0000-01-01", 1, "'0000-01-01' looks like a date, but is none; correct it, or put it in quotes if it is text."
    ),
    "hex": ("0x_", 1, "'0x_' looks like a number, but is none; correct it, or put it in quotes if it is text."),
    "long": ("9" * 5_000, 1, f"'{'9' * 60}…' has 5,000 characters; put it in quotes if it is text."),
    "octal": (
        "a: 010", 1,
        "YAML does not read 010 as it stands, but as octal or in sixtieths; write a plain number, or put it in quotes "
        "if it is text: '010'.",
    ),
    "sixtieths": (
        "a: 1:30", 1,
        "YAML does not read 1:30 as it stands, but as octal or in sixtieths; write a plain number, or put it in quotes "
        "if it is text: '1:30'.",
    ),
    "deep": ("a: " + "[" * 20_000, 1, "is nested more than 20 deep; settings are not. Remove brackets."),
    "deep, closed": ("[" * 21 + "]" * 21, 1, "is nested more than 20 deep; settings are not. Remove brackets."),
    "in itself": ("a: &x [*x]", 1, "is nested more than 20 deep; settings are not. Remove brackets."),
    "surrogate": (r'a: "\ud800"', 1, r"a text holds '\ud800', which is no character; remove it."),
    "zero byte": ('a: "\\0"', 1, r"a text holds '\x00', which is no character; remove it."),
    "not printable": ("a: 1\nb: \x01", 2, r"the character '\x01' cannot be in YAML; remove it."),
    "other kind": (
        "!!python/name:os.system x", 1,
        "cannot be read as YAML: could not determine a constructor for the tag 'tag:yaml.org,2002:python/name:os."
        "system'. Correct it there, or put in quotes what is text.",
    ),
    "unclosed": (
        "a:\n  b: {c: 1", 2,
        "cannot be read as YAML: while parsing a flow mapping expected ',' or '}', but got '<stream end>'. Correct it "
        "there, or put in quotes what is text.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "problem"), REFUSED.values(), ids=REFUSED)
def test_what_was_hardly_meant_is_refused_with_its_line(text, line, problem):
    with pytest.raises(YamlError) as caught:
        parse_yaml(text)
    assert (caught.value.line, caught.value.problem) == (line, problem)
    assert str(caught.value) == f"line {line}: {problem}"
    str(caught.value).encode()


def test_values_that_stand_for_millions_are_refused():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 8)]
    with pytest.raises(YamlError, match="holds more than 10,000 values"):
        parse_yaml("\n".join(lines))


def test_what_is_plain_is_read():
    text = (
        "a: {b: [1, -2.5, 1_000, 0, 0.5], 'no': no, c: 2024-03-31}\nd: '010'\ne: 1e-3\nf: &x {g: ~}\nh: {<<: *x, g: 1}"
    )
    assert parse_yaml(text) == {
        "a": {"b": [1, -2.5, 1000, 0, 0.5], "no": False, "c": dt.date(2024, 3, 31)},
        "d": "010", "e": "1e-3", "f": {"g": None}, "h": {"g": 1},
    }  # fmt: skip
    assert parse_yaml("") is None
    assert parse_yaml("# nothing\n") is None


# PyYAML writes further ends of lines (U+0085, U+2028) as such, and takes them for spaces.
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=12)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)


@given(PLAIN)
def test_what_is_written_by_rule_comes_back(value):
    assert parse_yaml(yaml.safe_dump(value, allow_unicode=True)) == value


@given(st.text(st.sampled_from("ab: -[]{}&*<!'\"\\\n\t#|>?%@0x19_.~T+") | st.characters(), max_size=40))
def test_whatever_is_written_is_read_or_refused(text):
    with suppress(YamlError):
        parse_yaml(text)


def test_a_file_is_named(tmp_path):
    path = tmp_path / "task.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\na: 2")
    with pytest.raises(YamlError, match=rf"^{path}, line 2: 'a' is there twice"):
        read_yaml(path)
    path.write_bytes(b"\xef\xbb\xbfa: 1")
    assert read_yaml(path) == {"a": 1}
    path.write_bytes("a: 1\nb: карты".encode("cp1251"))
    with pytest.raises(YamlError, match=rf"^{path}, line 2: the text is not UTF-8\. Save the file as UTF-8\."):
        read_yaml(path)
    path.write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(YamlError, match=rf"^{path}: is larger than 1,048,576 bytes"):
        read_yaml(path)


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "broken").symlink_to("gone")
    (tmp_path / "loop").symlink_to("loop")
    told = {
        "pipe": "is no file, but a folder, a pipe or the like; remove it, or write a file.",
        "folder": "is no file, but a folder, a pipe or the like; remove it, or write a file.",
        "broken": "is a link that leads nowhere; remove it, or write a file.",
        "loop": "is a link that leads nowhere; remove it, or write a file.",
        "gone": "there is no such file.",
    }
    for name, problem in told.items():
        with pytest.raises(YamlError) as caught:
            read_yaml(tmp_path / name)
        assert str(caught.value) == f"{tmp_path / name}: {problem}"
