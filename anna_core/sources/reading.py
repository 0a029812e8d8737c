"""What is raised when a source's data cannot be read as the domain describes it."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from narwhals.exceptions import NarwhalsError

from anna_core.domains import Domain
from anna_core.errors import SourceError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_CODE = re.compile(r"os error (\d+)")  # how Polars tells what the system said
_NO_TEXT = re.compile(r"invalid utf-?8", re.IGNORECASE)


@contextmanager
def reading(domain: Domain, file: Path | None = None) -> Iterator[None]:
    """A context that turns errors and panics of Polars, and errors of the file system, into a `SourceError`.

    A full disk is one of ANNA's, as sources are only read: it stays an `OSError`.

    Args:
        domain: the domain, which the error names.
        file: that is being read, which the error names, too; None: the source as a whole.
    """
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, NarwhalsError, OSError) as error:
        code = _code(error)
        if code in _NO_ROOM:
            raise OSError(code, os.strerror(code)) from error
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SourceError(
            f"domain {domain.name}: {file or 'the source'} cannot be read as {domain.source.format}: {words}. "
            f"{_cure(code, words)}"
        ) from error


def _code(error: BaseException) -> int | None:
    """The number of a system's error, if it is one."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    found = _CODE.search(str(error))
    return int(found[1]) if found else None


def _cure(code: int | None, words: str) -> str:
    if code in (errno.EACCES, errno.EPERM):
        return "Give ANNA's user the right to read it."
    if _NO_TEXT.search(words):
        return (
            "A column that is stored as bytes holds something other than UTF-8 text: write it as text, such as a UUID "
            "in its letters and digits."
        )
    return "Write the file anew, or take it away."
