"""Columns by their different values: what many rows share is typed once for each value, not row by row."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import polars as pl

from anna_core.sources.scanning import Deferred


@dataclass(frozen=True)
class ByValue:
    """A column by its different values.

    Attributes:
        codes: (n,) uint32, the position of each row's value in `values`.
        values: (v,) the different canonical texts; null may be among them.
        counts: (v,) uint32, the number of rows with each value.
        faults: reason → number of rows that have it.
    """

    codes: np.ndarray
    values: pl.Series
    counts: np.ndarray
    faults: Counter[str]


def by_value(column: pl.Series, name: str, deferred: Deferred | None) -> ByValue:
    """A column by its different values.

    Args:
        column: (n,) canonical texts, or what the source stores.
        name: of the canonical column.
        deferred: how what the source stores is typed; None where the column is canonical already.
    """
    codes, values = _factorize(column)
    faults: Counter[str] = Counter()
    if deferred is not None:
        flags = [fault.flag.alias(f"fault {place}") for place, fault in enumerate(deferred.faults)]
        typed = values.to_frame(deferred.column).select(deferred.value.alias(name), *flags)
        for place, fault in enumerate(deferred.faults):
            if (odd := typed[f"fault {place}"].to_numpy()).any():
                faults[fault.reason] = int(np.bincount(codes, minlength=len(values))[odd].sum())
        again, values = _factorize(typed[name])
        if len(values) < len(again):  # otherwise each value was written in one way alone
            codes = again[codes]
    return ByValue(codes, values, np.bincount(codes, minlength=len(values)).astype(np.uint32), faults)


def _factorize(values: pl.Series) -> tuple[np.ndarray, pl.Series]:
    """Codes (n,) uint32 of values, and the different values in the order of their codes; null has a code, too."""
    encoded = values.to_arrow().dictionary_encode(null_encoding="encode")
    codes = encoded.indices.to_numpy().view(np.uint32)
    return codes, pl.Series(encoded.dictionary, dtype=values.dtype)
