"""CSV looked over byte by byte: what passes, every reader reads alike; what does not, is told with its line."""

import csv
import gzip
import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anna_core.columns import csv_records
from anna_core.columns.csv_records import CsvError, count_records, csv_header, line_of

WIDTH = 3
TEXTS = st.text(alphabet='ab,"\n é', max_size=6)
TABLES = st.lists(st.lists(TEXTS, min_size=WIDTH, max_size=WIDTH), max_size=8)
BLOCKS = st.sampled_from([1, 7, 2**24])


def counted(file: Path) -> int:
    return count_records(file, len(csv_header(file)))


def read(content: bytes) -> list[list[str]]:
    frame = pl.read_csv(io.BytesIO(content), infer_schema=False)
    return [[value or "" for value in row] for row in frame.iter_rows()]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("csv") / "t.csv"


@given(rows=TABLES, end=st.sampled_from(["\n", "\r\n"]), quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
       mark=st.booleans(), block=BLOCKS)  # fmt: skip
def test_what_a_csv_writer_writes_passes_whole(file, rows, end, quoting, mark, block):
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, quoting=quoting).writerows([["x", "y", "z"], *rows])
    content = text.getvalue().encode("utf-8-sig" if mark else "utf-8")
    file.write_bytes(content)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(csv_records, "_BLOCK", max(block, len(content.split(b"\n")[0]) + 1))
        assert csv_header(file) == ["x", "y", "z"]
        patched.setattr(csv_records, "_BLOCK", block)
        assert count_records(file, WIDTH) == len(rows)
    assert read(content) == rows


@given(st.text(alphabet='ab,,"\n\r', max_size=25), BLOCKS)
def test_of_what_passes_every_reader_makes_the_same(file, body, block):
    content = f"x,y\n{body}".encode()
    file.write_bytes(content)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(csv_records, "_BLOCK", max(block, len("x,y\n")))
        try:
            records = counted(file)
        except CsvError:
            return
    rows = read(content)
    assert len(rows) == records
    if "\r" not in body:  # one that stands alone ends a line for some readers, and is a letter for others
        assert rows == [row or ["", ""] for row in csv.reader(io.StringIO(content.decode(), newline=""))][1:]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('1,5" pipe\n2,a\n', r"t\.csv, line 2: a quote stands within a value: '1,5\" pipe'"),
        ('1,a\n2,"b" c\n', r"line 3: a quote stands within a value"),
        ('1,a\n2,b\n3,"open\n4,c\n', r"line 4: a quote is opened and never closed"),
        (
            "1,a\n2,SHOP, LTD\n",
            r"line 3: 3 fields below a header of 2: '2,SHOP, LTD'. Write a value that holds a comma",
        ),
        ("1,a\n2\n", r"line 3: 1 field below a header of 2: '2'\. If the file was cut off, copy it again"),
        ('1,"a\nb"\n2,b,c\n', r"line 4: 3 fields"),
    ],
)
def test_the_line_is_told(file, body, message):
    file.write_text(f"x,y\n{body}")
    with pytest.raises(CsvError, match=message):
        counted(file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no line of column names"),
        (b"\nx,y\n1,2\n", "has no line of column names"),
        (b"x,y,x\n1,2,3\n", "line 1: column 'x' is there twice"),
        ("x,y\n1,клиент\n".encode("cp1251"), "line 2: the text is not UTF-8"),
        ("x,y\n1,2\n".encode("utf-16"), "is text in UTF-16; save it as CSV in UTF-8"),
        (b"PK\x03\x04...", "is an Excel workbook or another archive, whatever its name says"),
        (b"PAR1...", "is Parquet, whatever its name says"),
        (b"x,y\r1,2\r", "its lines end in carriage returns alone"),
    ],
)
def test_what_is_no_csv_in_utf_8_is_told(file, content, message):
    file.write_bytes(content)
    with pytest.raises(CsvError, match=message):
        counted(file)


def test_columns_without_a_name_may_be_several(file):
    file.write_text("x,,\n1,2,3\n")
    assert csv_header(file) == ["x", "", ""]


def test_a_compressed_file_is_read_whatever_it_is_called(tmp_path):
    path = tmp_path / "t.csv.GZ"
    path.write_bytes(gzip.compress(b'x,y\n1,"a\nb"\n2,c\n'))
    assert counted(path) == 2
    assert line_of(path, 1) == 4
