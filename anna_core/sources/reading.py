"""What is raised when a source's data cannot be read as the domain describes it."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from narwhals.exceptions import NarwhalsError

from anna_core.columns.parquet_files import why_unreadable
from anna_core.domains import Domain
from anna_core.errors import NO_ROOM, SourceError, system_code
from anna_core.sources.damaged_files import damaged_file
from anna_core.sources.lake_failures import CURE, of_lake_library, reason

_ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException, NarwhalsError, OSError)
_NO_TEXT = re.compile(r"invalid utf-?8", re.IGNORECASE)


@contextmanager
def reading(domain: Domain, file: Path | None = None) -> Iterator[None]:
    """A context that turns errors and panics of Polars, and errors of the file system, into a `SourceError`.

    Of a lake's table also those of the libraries that read it.

    A full disk is one of ANNA's, as sources are only read: it stays an `OSError`.

    Args:
        domain: the domain, which the error names.
        file: that is being read, or the lake's table, which the error names, too; None: the source as a whole.
    """
    try:
        yield
    except BaseException as error:
        if not (isinstance(error, _ERRORS) or (domain.source.is_lake and of_lake_library(error))):
            raise
        code = system_code(error)
        if code in NO_ROOM:
            raise OSError(code, os.strerror(code)) from error
        words = reason(error)
        if domain.source.is_lake and file is not None:
            words = damaged_file(file, domain.source.format) or words
        told = f"{words}. {_cure(domain, code, words)}"
        if domain.source.format == "parquet" and file is not None and code is None:
            told = why_unreadable(file, domain.source_columns) or told
        raise SourceError(
            f"domain {domain.name}: {file or 'the source'} cannot be read as {domain.source.format}: {told}"
        ) from error


def _cure(domain: Domain, code: int | None, words: str) -> str:
    if code in (errno.EACCES, errno.EPERM):
        return "Give ANNA's user the right to read it."
    if _NO_TEXT.search(words):
        return (
            "A column that is stored as bytes holds something other than UTF-8 text: write it as text, such as a UUID "
            "in its letters and digits."
        )
    return CURE if domain.source.is_lake else "Write the file anew, or take it away."
