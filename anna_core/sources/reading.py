"""What is raised when a source's data cannot be read as the domain describes it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from narwhals.exceptions import NarwhalsError

from anna_core.domains import Domain
from anna_core.errors import SourceError


@contextmanager
def reading(domain: Domain, file: Path | None = None) -> Iterator[None]:
    """A context that turns errors and panics of Polars, and errors of the file system, into a `SourceError`.

    Args:
        domain: the domain, which the error names.
        file: that is being read, which the error names, too; None: the source as a whole.
    """
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, NarwhalsError, OSError) as error:
        raise SourceError(
            f"domain {domain.name}: {file or 'the source'} cannot be read as {domain.source.format}: "
            f"{str(error).splitlines()[0]}. Write the file anew, or take it away."
        ) from error
