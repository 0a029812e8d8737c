"""Where a sample may come from: a file, a folder of Parquet files, a Delta table, or the URL of a file or table."""

import http.client
import shutil
import urllib.request
from pathlib import Path, PurePosixPath
from urllib.parse import quote, urlsplit

import polars as pl
import pyarrow as pa
import pyarrow.fs

from anna_core.errors import SampleError
from anna_core.samples.files import PARQUET_ENDINGS, ending_of, stem_of, why_no_sample
from anna_core.samples.reading import AS_OF, CLIENT, TARGET, why_no_parquet
from anna_core.samples.rows import GROUP, SPLIT, WEIGHT

_TABLE_ENDING = ".parquet"  # a folder or table is staged as one such file
_WEB = ("http", "https")
_OWN_COLUMNS = (CLIENT, AS_OF, SPLIT, GROUP, WEIGHT)
_SILENCE_SECONDS = 30.0  # a person is waiting, and a working server sends something within this time


def sample_name(origin: str) -> str:
    """The name of a sample that was given none: that of its file, without the ending, or of its folder.

    Raises:
        SampleError: the path or URL ends without a name, such as `/` or `http://`.
    """
    name = _name(origin)
    if not name:
        raise SampleError(
            f"'{origin}' names no file, so the sample has no name. Name it, or give the path or URL of a file."
        )
    return stem_of(name) or name


def staged_ending(origin: str) -> str:
    """The ending, in lower case, of the file that a sample becomes in the inbox; files stay of their kind.

    Args:
        origin: a path or URL.

    Raises:
        SampleError: there is nothing, or a file of a kind that is not read, such as an Excel workbook.
    """
    if _is_table(origin):
        return _TABLE_ENDING
    ending = ending_of(_name(origin))
    if ending is None:
        raise SampleError(f"{origin}: {why_no_sample(_name(origin))}")
    return ending


def fetch(origin: str, target: Path) -> None:
    """Copy a sample into a file: a file byte by byte, a folder or table as Parquet.

    Args:
        origin: a path or URL.
        target: the file to write; its name must have the ending that `staged_ending` gives.

    Raises:
        SampleError: there is nothing, or it cannot be read.
    """
    try:
        if _is_table(origin):
            _read_table(origin).write_parquet(target)
        elif _is_url(origin):
            _download(origin, target)
        else:
            shutil.copyfile(Path(origin).expanduser(), target)
    except PermissionError:
        raise SampleError(f"{origin}: the platform's user may not read it; give it the right to, or copy it.") from None
    except (OSError, ImportError, pa.ArrowException, http.client.HTTPException) as error:
        raise SampleError(f"{origin}: cannot be read as a sample: {error}") from None


def _name(origin: str) -> str:
    return PurePosixPath((urlsplit(origin).path if _is_url(origin) else origin).rstrip("/")).name


def _is_url(origin: str) -> bool:
    return "://" in origin


def _is_table(origin: str) -> bool:
    """Whether an origin is a folder or a table; a URL is, if its name does not have the ending of a sample's file.

    Raises:
        SampleError: nothing is there.
    """
    if _is_url(origin):
        return ending_of(_name(origin)) is None
    local = Path(origin).expanduser()
    if not local.exists():
        raise SampleError(
            f"{origin}: no such file. Give the absolute path of a .csv or .parquet file, a folder of Parquet files, a "
            "Delta table, or the URL of one, that the server can read."
        )
    return local.is_dir()


def _download(url: str, target: Path) -> None:
    if urlsplit(url).scheme in _WEB:
        _download_web(url, target)
        return
    system, path = pa.fs.FileSystem.from_uri(url)
    with system.open_input_stream(path, compression=None) as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy)


def _download_web(url: str, target: Path) -> None:
    try:
        with urllib.request.urlopen(url, timeout=_SILENCE_SECONDS) as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy)
            missing = source.length
    except TimeoutError:
        raise TimeoutError(
            f"its server said nothing for {_SILENCE_SECONDS:g} s; try again, or give the path of a copy."
        ) from None
    if missing:  # the connection was closed early, which reading block by block does not notice
        raise OSError(f"its last {missing} bytes did not arrive; try again, or give the path of a copy.")


def _read_table(origin: str) -> pl.DataFrame:
    folder = Path(origin).expanduser()
    if _is_url(origin) or (folder / "_delta_log").is_dir():
        return _read_delta(origin)
    parts = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    files = [folder / part for part in parts if ending_of(part.name) in PARQUET_ENDINGS and not _is_hidden(part)]
    if not files:
        raise SampleError(f"{origin}: cannot be read as a sample: no Parquet file is in this folder.")
    for part in parts:
        if folder / part not in files and (why := _why_not_read(part)):
            raise SampleError(f"{origin}: {part} {why} Bring a folder that holds the sample's parts alone.")
        if named := [name for name in part.parts[:-1] if _holds_a_column(name)]:
            raise SampleError(
                f"{origin}: the folder {named[0]} holds a column in its name, which is not read. Write the column into "
                "the files, and bring these in one folder."
            )
    frames = {file: _read_part(file) for file in files}
    filled = {file: frame for file, frame in frames.items() if len(frame)}  # of no rows the types mean nothing
    (first, shape), *_ = (filled or frames).items()
    for file, frame in filled.items():
        if dict(frame.schema) != dict(shape.schema):
            raise SampleError(
                f"{file}: its columns and types are {dict(frame.schema)}, but those of {first.name} are "
                f"{dict(shape.schema)}; write all parts of a sample alike."
            )
    columns = shape.columns  # taken one by one: to `select`, some names are patterns
    return pl.concat([shape[:0], *(pl.DataFrame([frame[name] for name in columns]) for frame in filled.values())])


def _is_hidden(part: Path) -> bool:
    return any(name.startswith((".", "_")) for name in part.parts)


def _holds_a_column(folder: str) -> bool:
    """Whether a folder's name, as Hive writes them, says what one of a sample's own columns would say."""
    column, sign, _ = folder.partition("=")
    return bool(sign) and (column in _OWN_COLUMNS or column.startswith(TARGET))


def _why_not_read(part: Path) -> str:
    """Why a file of a folder is not read, where it may hold rows; empty where it surely does not."""
    if ending_of(part.name) is None:
        return "" if _is_hidden(part) else "is no Parquet file, and is not read."
    if _is_hidden(part):
        return "is out of sight, as what begins with '.' or '_' is not finished, and is not read."
    return "is not Parquet, and is not read."


def _read_part(file: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(file, hive_partitioning=False, glob=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise SampleError(f"{file}: {why_no_parquet(file, error)}") from None


def _read_delta(origin: str) -> pl.DataFrame:
    from deltalake.exceptions import DeltaError  # an optional package

    try:
        # Polars asks for files by the names that they have in URLs (%20 for a space), which none has on a disk.
        return pl.read_delta(origin, use_pyarrow=not _is_url(origin) and quote(origin) != origin)
    except (DeltaError, pl.exceptions.PolarsError) as error:
        raise SampleError(f"{origin}: cannot be read as a Delta table: {error}") from None
