"""A CSV file is looked over byte by byte, whatever columns are used: every reader reads alike what passes; what does
not pass is told with its line.
"""

import csv
import gzip
import io

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anna_core.columns import csv_headers, csv_records
from anna_core.columns.csv_files import CsvError
from anna_core.columns.csv_headers import csv_header
from anna_core.columns.csv_records import count_records, has_records, line_of

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
    "an unquoted comma": (
        HEAD + "1,a,b\n2,SHOP, LTD,c\n",
        "line 3: 4 fields below a header of 3: '2,SHOP, LTD,c'. Write a value that holds a comma",
    ),
    "a row that ends early": (
        HEAD + "1,a,b\n2,c\n",
        "line 3: 2 fields below a header of 3: '2,c'. If the file was cut off, copy it again",
    ),
    "one value alone": (HEAD + "1\n", "line 2: 1 field below a header of 3: '1'"),
    "an inch mark": (HEAD + '1,12" pipe,b\n2,c,d\n', "line 2: a quote stands within a value: '1,12\" pipe,b'"),
    "an inch mark in the last column": (
        HEAD + '1,a,5" pipe\n',
        "line 2: a quote stands within a value: '1,a,5\" pipe'",
    ),
    "two inch marks": (
        HEAD + '1,a,b\n2,12" pipe,c\n3,d,e\n4,5" pipe,f\n',
        "line 3: a quote stands within a value: '2,12\" pipe,c'",
    ),
    "quotes about a comma within a value": (HEAD + '1,a "b, c",d\n', "line 2: a quote stands within a value"),
    "text behind a quoted value": (HEAD + '1,"a" b,c\n', "line 2: a quote stands within a value"),
    "text behind the last value": (HEAD + '1,a,b\n2,a,"b" c\n', "line 3: a quote stands within a value"),
    "an open quote": (HEAD + '1,a,b\n2,"c,d\n3,e,f\n', "line 3: a quote is opened and never closed: '2,\"c,d'"),
    "lines are counted with those in quotes": (
        HEAD + '1,"a\nb",c\n2,d\n',
        "line 4: 2 fields below a header of 3: '2,d'",
    ),
    "cp1251": (HEAD.encode() + b"1,a,b\n" + "2,Рига,c\n".encode("cp1251"), r"line 3: the text is not UTF-8: '2,\xd0"),
    "UTF-16": (HEAD.encode("utf-16"), "is text in UTF-16; save it as CSV in UTF-8"),
    "empty": ("", "has no line of column names. Write them into its first line"),
    "an empty line above": ("\n" + HEAD, "has no line of column names"),
    "Excel": (b"PK\x03\x04...", "is an Excel workbook or another archive, whatever its name says"),
    "Parquet": (b"PAR1...", "is Parquet, whatever its name says"),
    "an old Macintosh": (b"id,note\r1,a\r", "its lines end in carriage returns alone"),
    "a title above": ("Cards of March\n" + HEAD, "line 2: 3 fields below a header of 1: 'id,note,city'"),
    "a name twice": ("id,note,id\n1,a,b\n", "line 1: column 'id' is there twice. Rename or drop one"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_refused_with_line_and_text(check, content, message):
    with pytest.raises(CsvError) as caught:
        check(content)
    assert message in str(caught.value)
    assert "e.csv" in str(caught.value)


ROWS = st.lists(st.lists(st.text('ab,"\n\r é', max_size=6), min_size=3, max_size=3), max_size=8)
BLOCKS = st.sampled_from([1, 7, 40, 2**24])  # bytes looked over at once: a file must mean the same wherever they end


def as_text(rows: list[list[str]], end: str, quoting: int) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, quoting=quoting).writerows([["id", "note", "city"], *rows])
    return text.getvalue()


def read(content: bytes) -> list[list[str]]:
    frame = pl.read_csv(io.BytesIO(content), infer_schema=False)
    return [[value or "" for value in row] for row in frame.iter_rows()]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("csv") / "e.csv"


@given(
    rows=ROWS,
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    mark=st.booleans(),
    compressed=st.booleans(),
    block=BLOCKS,
)
def test_what_a_csv_writer_writes_passes_whole(file, rows, end, quoting, mark, compressed, block):
    if quoting == csv.QUOTE_MINIMAL:  # a carriage return is left unquoted
        rows = [[value.replace("\r", "") for value in row] for row in rows]
    content = as_text(rows, end, quoting).encode("utf-8-sig" if mark else "utf-8")
    file.write_bytes(gzip.compress(content) if compressed else content)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(csv_headers, "_MOST", max(block, len(content.split(b"\n")[0]) + 1))
        assert csv_header(file) == ["id", "note", "city"]
        patched.setattr(csv_records, "_BLOCK", block)
        assert count_records(file, 3) == len(rows)
        patched.setattr(csv_records, "_HEAD", block)
        assert has_records(file) == bool(rows)
        for row in range(len(rows)):
            upto = as_text(rows[: row + 1], end, quoting)
            assert line_of(file, row) == upto.count("\n")
    assert read(content) == rows


@given(body=st.text(alphabet='ab,,"\n\r', max_size=25), block=BLOCKS)
def test_of_what_passes_every_reader_makes_the_same(file, body, block):
    content = f"x,y\n{body}".encode()
    file.write_bytes(content)
    with pytest.MonkeyPatch.context() as patched:
        for module, bound in ((csv_headers, "_MOST"), (csv_records, "_BLOCK")):
            patched.setattr(module, bound, max(block, len("x,y\n")))
        try:
            records = count_records(file, len(csv_header(file)))
        except CsvError:
            return
    rows = read(content)
    assert len(rows) == records
    if "\r" not in body:  # one that stands alone ends a line for some readers, and is a letter for others
        assert rows == [row or ["", ""] for row in csv.reader(io.StringIO(content.decode(), newline=""))][1:]


def test_a_block_that_ends_within_a_letter_is_no_fault(check, monkeypatch):
    for module, bound in ((csv_headers, "_MOST"), (csv_records, "_BLOCK")):
        monkeypatch.setattr(module, bound, len(HEAD) + 5)
    assert check(HEAD + "1,Рига,Псков\n" * 20) == 20


def test_a_value_may_be_longer_than_python_s_reader_takes_by_itself(tmp_path):
    path = tmp_path / "e.csv"
    path.write_text(HEAD + f"1,{'x' * 200_000},b\n2,c,d\n")
    assert count_records(path, len(csv_header(path))) == 2
    assert line_of(path, 1) == 3


@pytest.mark.parametrize(
    ("header", "read"),
    [("x,y", 2**16), ('"x\n",y', 2**16), ("x" * 70_000 + ",y", 2**17), ('"' + "x\n" * 70_000 + '",y', 2**18)],
)
def test_of_a_large_file_only_the_header_is_read_for_its_names(tmp_path, monkeypatch, header, read):
    path = tmp_path / "e.csv"
    path.write_text(header + "\n" + "1,2\n" * 500_000)
    taken = []

    class Told(io.BytesIO):
        def close(self):
            taken.append(self.tell())
            super().close()

    monkeypatch.setattr(csv_headers, "opened", lambda file: Told(file.read_bytes()))
    assert csv_header(path) == [next(csv.reader(io.StringIO(header, newline="")))[0].strip(), "y"]
    assert taken == [read]


def test_columns_without_a_name_may_be_several(file):
    file.write_text("x,,\n1,2,3\n")
    assert csv_header(file) == ["x", "", ""]


def test_a_compressed_file_is_read_whatever_it_is_called(tmp_path):
    path = tmp_path / "e.csv.GZ"
    path.write_bytes(gzip.compress(b'x,y\n1,"a\nb"\n2,c\n'))
    assert count_records(path, 2) == 2
    assert line_of(path, 1) == 4
