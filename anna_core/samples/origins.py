"""Where a sample may come from: a file, a folder of Parquet files, a Delta table, or the URL of a file or table."""

import hashlib
import http.client
import os
import shutil
import urllib.request
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import polars as pl
import pyarrow as pa
import pyarrow.fs

from anna_core.errors import NO_ROOM, SampleError, system_code
from anna_core.folders import UnseenError, is_folder, status
from anna_core.lake_folders import DELTA_LOG
from anna_core.samples.files import ending_of, path_of, stem_of, url_parts, why_no_sample
from anna_core.samples.parts import read_parts
from anna_core.samples.resting import Stamps, stamps_of

_TABLE_ENDING = ".parquet"  # a folder or table is staged as one such file
_WEB = ("http", "https")
# Without credentials PyArrow ends the whole process, and Azure's own web addresses serve the same.
_AZURE = ("abfs", "abfss")
_GOOGLE, _RETRY_LIMIT = ("gs", "gcs"), "retry_limit_seconds"  # as Arrow calls it in URLs
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


def fetch(origin: str, target: Path, rested: Stamps) -> None:
    """Copy a sample into a file: a file byte by byte, a folder or table as Parquet.

    Args:
        origin: a path or URL.
        target: the file to write; its name must have the ending that `staged_ending` gives.
        rested: the states of the sample's files, as `wait_for_rest` returns them; only a ctime may be another, as
            after a backup.

    Raises:
        SampleError: there is nothing, it cannot be read, or it is not, or no longer, in these states.
        OSError: there is no room for it.
    """
    if _copy_at_rest(origin, target, rested) == rested:
        return
    # A hard link changes the ctime alone, and so does who rewrites a file and sets its mtime back. Of what was half
    # rewritten, a second copy is another.
    first = _digest(target)
    _copy_at_rest(origin, target, rested)
    if _digest(target) != first:
        raise _changed(origin)


def _copy_at_rest(origin: str, target: Path, rested: Stamps) -> Stamps:
    """Copy a sample whose sizes and mtimes are, and stay, those of `rested`; return the states after that."""
    try:
        _copy(origin, target)
    except SampleError:
        if stamps_of(origin) != rested:
            raise _changed(origin) from None  # that something is wrong with half a file is no news
        raise
    states = stamps_of(origin)
    if _without_ctime(states) != _without_ctime(rested):
        raise _changed(origin)
    return states


def _without_ctime(states: Stamps) -> dict[str, tuple[int, int]]:
    return {name: (size, modified) for name, (size, modified, _) in states.items()}


def _changed(origin: str) -> SampleError:
    return SampleError(f"{origin}: changed while it was read. Submit it again once whoever writes it is done.")


def _digest(file: Path) -> bytes:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "blake2b").digest()


def _copy(origin: str, target: Path) -> None:
    try:
        if _is_table(origin):
            _read_table(origin).write_parquet(target)
        elif _is_url(origin):
            _download(origin, target)
        else:
            shutil.copyfile(path_of(origin), target)
    except PermissionError:
        raise SampleError(f"{origin}: the platform's user may not read it; give it the right to, or copy it.") from None
    except (OSError, ImportError, pa.ArrowException, pl.exceptions.PolarsError, http.client.HTTPException) as error:
        code = system_code(error)
        if code in NO_ROOM:  # where it is written, since it is only read where it comes from
            raise OSError(code, os.strerror(code), str(target.parent)) from error
        raise SampleError(f"{origin}: cannot be read as a sample: {error}") from None


def _name(origin: str) -> str:
    return PurePosixPath((url_parts(origin).path if _is_url(origin) else origin).rstrip("/")).name


def _is_url(origin: str) -> bool:
    return "://" in origin


def _is_table(origin: str) -> bool:
    """Whether an origin is a folder or a table; a URL is, if its name does not have the ending of a sample's file.

    Raises:
        SampleError: nothing is there.
    """
    if _is_url(origin):
        return ending_of(_name(origin)) is None
    local = path_of(origin)
    try:
        found, is_there = is_folder(local), status(local) is not None
    except UnseenError as error:
        raise SampleError(f"{origin}: {error}") from None
    if not is_there:
        raise SampleError(
            f"{origin}: no such file. Give the absolute path of a .csv or .parquet file, a folder of Parquet files, a "
            "Delta table, or the URL of one, that the server can read."
        )
    return found


def _download(url: str, target: Path) -> None:
    scheme = url_parts(url).scheme
    if scheme in _WEB:
        _download_web(url, target)
        return
    if scheme in _AZURE:
        raise SampleError(
            f"{url}: files of Azure are not read by {scheme}://. Give the file's https:// address with a SAS token, or "
            "the path of a copy."
        )
    system, path = pa.fs.FileSystem.from_uri(_impatient(url))
    with system.open_input_stream(path, compression=None) as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy)


def _impatient(url: str) -> str:
    """The same URL; where Google's storage is not reached, it is not tried for a quarter of an hour, as is usual."""
    parts = url_parts(url)
    if parts.scheme not in _GOOGLE or _RETRY_LIMIT in parts.query:
        return url
    limit = f"{_RETRY_LIMIT}={_SILENCE_SECONDS:g}"
    return parts._replace(query=f"{parts.query}&{limit}" if parts.query else limit).geturl()


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
    folder = path_of(origin)
    if _is_url(origin) or (folder / DELTA_LOG).is_dir():
        return _read_delta(origin)
    return read_parts(origin, folder)


def _read_delta(origin: str) -> pl.DataFrame:
    from deltalake.exceptions import DeltaError  # an optional package

    try:
        # Polars asks for files by the names that they have in URLs (%20 for a space), which none has on a disk.
        return pl.read_delta(origin, use_pyarrow=not _is_url(origin) and quote(origin) != origin)
    except (DeltaError, pl.exceptions.PolarsError) as error:
        raise SampleError(f"{origin}: cannot be read as a Delta table: {error}") from None
