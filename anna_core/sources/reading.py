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
    """A context that turns errors of Polars and of the file system into a `SourceError` which names domain and file.

    Args:
        domain: the domain.
        file: that is being read; None: the source as a whole.
    """
    try:
        yield
    except (pl.exceptions.PolarsError, NarwhalsError, OSError) as error:
        raise SourceError(
            f"domain {domain.name}: {file or 'the source'} cannot be read as {domain.source.format}: "
            f"{str(error).splitlines()[0]}. Write the file anew, or take it away."
        ) from error
