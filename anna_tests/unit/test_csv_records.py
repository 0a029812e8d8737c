"""CSV files are looked over as a whole, whatever columns are used."""

import csv
import io

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anna_core.columns import csv_records
from anna_core.columns.csv_records import CsvError, count_records, csv_header, line_of

HEAD = "id,note,city\n"


@pytest.fixture
def check(tmp_path):
    """Writes a file and counts its records."""

    def check(content: str | bytes) -> int:
        path = tmp_path / "e.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return count_records(path, len(csv_header(path)))

    return check


SOUND = {
    "plain": (HEAD + "1,a,b\n2,c,d\n", 2),
    "no end at the end": (HEAD + "1,a,b\n2,c,d", 2),
    "Windows": (HEAD.replace("\n", "\r\n") + "1,a,b\r\n2,c,d\r\n", 2),
    "byte order mark": ("\ufeff" + HEAD + "1,a,b\n", 1),
    "quoted header and mark": ('\ufeff"id","no,te",city\n1,a,b\n', 1),
    "header alone": (HEAD, 0),
    "empty values": (HEAD + ",,\n,,\n", 2),
    "quoted": (HEAD + '1,"a, ""b""\nand c",d\n2,"",e\n', 2),
    "an empty line is a record": (HEAD + "1,a,b\n\n", 2),
    "a pair of quotes within a value": (HEAD + '1,OOO "Рога" и копыта,b\n2,c,d\n', 2),
    "space before a quote": (HEAD + '1, "a",b\n', 1),
}


@pytest.mark.parametrize(("content", "records"), SOUND.values(), ids=SOUND)
def test_a_sound_file_is_counted(check, content, records):
    assert check(content) == records


BROKEN = {
    "an unquoted comma": (HEAD + "1,a,b\n2,SHOP, LTD,c\n", "line 3: 4 fields below a header of 3: '2,SHOP, LTD,c'"),
    "a value without its end": (HEAD + "1,a\n", "line 2: 2 fields below a header of 3: '1,a'"),
    "an inch mark": (HEAD + '1,12" pipe,b\n2,c,d\n', "line 2: a quote stands within a value: '1,12\" pipe,b'"),
    "two inch marks": (
        HEAD + '1,a,b\n2,12" pipe,c\n3,d,e\n4,5" pipe,f\n',
        "line 3: a quote stands within a value: '2,12\" pipe,c'",
    ),
    "quotes about a comma within a value": (HEAD + '1,a "b, c",d\n', "line 2: a quote stands within a value"),
    "text behind a quoted value": (HEAD + '1,"a" b,c\n', "line 2: a quote stands within a value"),
    "an open quote": (HEAD + '1,a,b\n2,"c,d\n3,e,f\n', "line 3: a quote is opened and never closed: '2,\"c,d'"),
    "lines are counted with those in quotes": (
        HEAD + '1,"a\nb",c\n2,d\n',
        "line 4: 2 fields below a header of 3: '2,d'",
    ),
    "cp1251": (HEAD.encode() + b"1,a,b\n" + "2,Рига,c\n".encode("cp1251"), r"line 3: the text is not UTF-8: '2,\\xd0"),
    "UTF-16": (HEAD.encode("utf-16"), "is text in UTF-16; save it as CSV in UTF-8"),
    "empty": ("", "has no line of column names. Write them into its first line"),
    "a title above": ("Cards of March\n" + HEAD, "line 2: 3 fields below a header of 1: 'id,note,city'"),
    "a name twice": ("id,note,id\n1,a,b\n", "line 1: column 'id' is there twice. Rename or drop one"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_refused_with_line_and_text(check, content, message):
    with pytest.raises(CsvError) as caught:
        check(content)
    assert message in str(caught.value).replace("\\\\x", "\\\\x")
    assert "e.csv" in str(caught.value)


VALUES = st.text('a,"\n\r é', max_size=4)


@given(st.lists(st.lists(VALUES, min_size=3, max_size=3), max_size=6), st.integers(1, 40), st.booleans())
def test_what_a_writer_quotes_is_sound_wherever_blocks_end(tmp_path_factory, rows, block, compressed):
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([["id", "note", "city"], *rows])
    path = tmp_path_factory.mktemp("csv") / "e.csv"
    with pa.output_stream(str(path), compression="gzip" if compressed else None) as stream:
        stream.write(text.getvalue().encode())
    with pytest.MonkeyPatch.context() as patched:
        names = csv_header(path)
        patched.setattr(csv_records, "_BLOCK", block)
        assert count_records(path, len(names)) == len(rows)
        for row in range(len(rows)):
            upto = io.StringIO(newline="")
            csv.writer(upto, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([names, *rows[: row + 1]])
            assert line_of(path, row) == len(list(io.StringIO(upto.getvalue(), newline="")))


def test_a_block_that_ends_within_a_letter_is_no_fault(check, monkeypatch):
    monkeypatch.setattr(csv_records, "_BLOCK", len(HEAD) + 5)
    assert check(HEAD + "1,Рига,Псков\n" * 20) == 20


def test_a_value_may_be_longer_than_python_s_reader_takes_by_itself(tmp_path):
    path = tmp_path / "e.csv"
    path.write_text(HEAD + f"1,{'x' * 200_000},b\n2,c,d\n")
    assert count_records(path, len(csv_header(path))) == 2
    assert line_of(path, 1) == 3
