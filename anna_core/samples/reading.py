"""Reading an uploaded file: CSV strictly and as text, Parquet as it is.

The messages of other libraries are neither passed on nor kept as the cause: they speak of settings that ANNA lacks.
"""

from pathlib import Path

import polars as pl

from anna_core.columns.csv_files import CsvError
from anna_core.columns.csv_headers import csv_header, lines_below_first, separator_hint
from anna_core.columns.csv_records import count_records
from anna_core.columns.near_names import near_names, what_differs
from anna_core.columns.parquet_files import PARQUET_MARK, scan_parquet, why_unreadable
from anna_core.columns.wrapped import unwrapped_name
from anna_core.errors import SampleError
from anna_core.samples.column_names import AS_OF, CLIENT, TARGET
from anna_core.samples.files import PARQUET_ENDINGS, ending_of, why_no_sample


def read_sample_file(path: Path) -> pl.DataFrame:
    """Read a CSV file, with all columns as text, or a Parquet file.

    Column names are stripped of what is wrapped around them; columns without a name are left out.

    Raises:
        SampleError: there is no such file, it is of another kind or damaged, has no rows, or could be read in more than
            one way.
    """
    ending = ending_of(path.name)
    if ending is None:
        raise SampleError(f"{path}: {why_no_sample(path.name)}")
    try:
        frame = _sample_parquet(path) if ending in PARQUET_ENDINGS else _sample_csv(path)
    except FileNotFoundError:
        raise SampleError(f"{path}: no such file.") from None
    except PermissionError:
        raise SampleError(f"{path}: the platform's user may not read it; give it the right to.") from None
    except OSError as error:
        raise SampleError(f"{path}: is damaged or incomplete; write it again. ({error})") from None
    if frame.is_empty():
        raise SampleError(f"{path}: has no rows.")
    return frame


def target_columns(frame: pl.DataFrame, path: Path) -> tuple[str, ...]:
    """Names of the target columns of an uploaded sample: `target`, or several `target_*`.

    Raises:
        SampleError: client_id, as_of or all targets are missing, or there are targets of both forms.
    """
    missing = [column for column in (CLIENT, AS_OF) if column not in frame.columns]
    several = tuple(column for column in frame.columns if column.startswith(f"{TARGET}_"))
    if TARGET in frame.columns and several:
        raise SampleError(f"{path}: has both target and {list(several)}; keep the one or the others.")
    if missing or not (several or TARGET in frame.columns):
        near = near_names([name for name in (CLIENT, AS_OF, TARGET) if name not in frame.columns], frame.columns)
        renamed = ", ".join(f"{there} to {name}" for name, there in near.items())
        cure = f" Rename {renamed}: {what_differs(near)}." if near else ""
        raise SampleError(
            f"{path}: a sample has the columns client_id, as_of and target (target_<name> for several labels); "
            f"found {frame.columns}.{cure}"
        )
    return several or (TARGET,)


def if_no_label(column: str) -> str:
    """What to do besides about a target column that holds what no label does, to end a sentence with."""
    several = column.startswith(f"{TARGET}_")
    return f"; each column whose name begins with {TARGET}_ is a label, so rename it if it is none" if several else ""


def _sample_csv(path: Path) -> pl.DataFrame:
    try:
        names = csv_header(path)
        _refuse_other_header(path, names)
        records = count_records(path, len(names))
        frame = pl.read_csv(path, infer_schema=False, glob=False)
    except CsvError as error:
        raise SampleError(str(error)) from None
    except pl.exceptions.PolarsError:
        raise SampleError(f"{path}: cannot be read, although each of its lines can be; write it as Parquet.") from None
    if frame.shape != (records, len(names)):
        raise SampleError(f"{path}: {len(frame):,} of {records:,} rows were read; is somebody writing it?")
    return _without_blanks(_named(frame, names, path))


def _refuse_other_header(path: Path, names: list[str]) -> None:
    """Raise `SampleError` if line 1 is no header of a sample and the reason can be seen."""
    if CLIENT in (name.strip() for name in names):
        return
    for number, line in lines_below_first(path):
        if CLIENT in line:
            raise SampleError(
                f"{path}, line {number}: the columns' names stand here: {line!r}. Remove what is above this line."
            )
    if hint := separator_hint(names):
        raise SampleError(f"{path}, line 1: there is one column, {names[0]!r}.{hint}")


def _without_blanks(frame: pl.DataFrame) -> pl.DataFrame:
    """The records with a value; others are no rows: below a table, spreadsheets write empty lines, or only commas."""
    blank = [column.is_null() | (column.str.strip_chars() == "") for column in frame.get_columns()]
    kept = frame.select(~pl.all_horizontal(*blank)).to_series() if blank else None
    return frame if kept is None or kept.all() else frame.filter(kept)


def _sample_parquet(path: Path) -> pl.DataFrame:
    with path.open("rb") as stream:
        begin = stream.read(len(PARQUET_MARK))
    if begin != PARQUET_MARK:
        raise SampleError(f"{path}: is not Parquet, whatever its name says; write it as Parquet, or name it .csv.")
    frame = read_parquet(path)
    return _named(frame, frame.columns, path)


def read_parquet(path: Path) -> pl.DataFrame:
    """Read a Parquet file; what its folders' names say of columns is left out.

    Raises:
        SampleError: it cannot be read.
    """
    try:
        return scan_parquet([path]).collect()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        words = next(iter(str(error).splitlines()), type(error).__name__)
        told = why_unreadable(path) or (
            f"it has a column of a type that cannot be read ({words}). Write it in a plainer type, or leave it out."
        )
        raise SampleError(f"{path}: {told}") from None


def _named(frame: pl.DataFrame, names: list[str], path: Path) -> pl.DataFrame:
    plain = [unwrapped_name(name) for name in names]
    if repeated := sorted({name for name in plain if name and plain.count(name) > 1}):
        raise SampleError(f"{path}: has several columns {repeated}; keep one of each.")
    # By place: Polars takes a column's name such as `*` or `^.*$` for a pattern.
    columns = zip(frame.get_columns(), plain, strict=True)
    return pl.DataFrame([_plain(column).alias(name) for column, name in columns if name])


def _plain(column: pl.Series) -> pl.Series:
    """A column in the type in which it is stored: Arrow calls some text JSON, and some numbers yes or no."""
    return column.ext.storage() if isinstance(column.dtype, pl.BaseExtension) else column
