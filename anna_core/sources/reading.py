"""What happens when the source's data is not what the domain says."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from narwhals.exceptions import NarwhalsError

from anna_core.domains import Domain
from anna_core.errors import SourceError


@contextmanager
def reading(domain: Domain, file: Path | None = None) -> Iterator[None]:
    """Turn what Polars finds wrong in the source's data while the block runs, or panics at, into a `SourceError`."""
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, NarwhalsError, OSError) as error:
        raise SourceError(
            f"domain {domain.name}: {file or 'the source'} cannot be read as {domain.source.format}: "
            f"{str(error).splitlines()[0]}. Write the file anew, or take it away."
        ) from error
