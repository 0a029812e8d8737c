"""Versions of one source have one unit: of a time and a number, or of seconds and milliseconds, none is the later."""

from collections import Counter
from collections.abc import Mapping

import polars as pl

from anna_core.columns.versions import is_held_as_time
from anna_core.domains import Domain
from anna_core.errors import SourceError
from anna_core.sources.door import VERSION
from anna_core.sources.left_aside import most_of

_TIMES, _NUMBERS = "a time", "a number"
_SINCE_1970 = {"seconds": 1.0, "milliseconds": 1e3, "microseconds": 1e6, "nanoseconds": 1e9}
# The years 2000 to 2099 in seconds since 1970: far from the same years in milliseconds.
_YEARS = (946_684_800, 4_102_444_799)


def count_units(batch: pl.DataFrame, raw: str, kind: pl.DataType) -> Counter[str]:
    """How many versions of each unit there are.

    An infinite number, which stands for an open end, has no unit.

    Args:
        batch: rows with a column `VERSION`, and where that was text another one that has the text.
        raw: the name of that one.
        kind: its type in the source.
    """
    version, timed = pl.col(VERSION), is_held_as_time(raw, kind)
    number = version.is_finite() & ~timed
    bounds = {unit: (_YEARS[0] * factor, (_YEARS[1] + 1) * factor) for unit, factor in _SINCE_1970.items()}
    counts = batch.select(
        (version.is_not_null() & timed).sum().alias(_TIMES),
        number.sum().alias(_NUMBERS),
        *((number & version.is_between(*years, closed="left")).sum().alias(unit) for unit, years in bounds.items()),
    ).row(0, named=True)
    counts[_NUMBERS] -= sum(counts[unit] for unit in _SINCE_1970)
    return +Counter(counts)


def refuse_several_units(domain: Domain, versions: Mapping[str, Mapping[str, int]], share: float) -> None:
    """Raise `SourceError` if versions are plainly of several units.

    Numbers are so only where all are times since 1970: a counter that grows a thousandfold passes what lies between.

    Args:
        domain: the domain.
        versions: name of each file → unit → number of its versions that have it.
        share: of a file's versions that may be of another unit, as they may be left aside.
    """
    held: dict[str, str] = {}
    for file, counts in versions.items():
        most = min(most_of(sum(counts.values()), share), max(counts.values(), default=0) - 1)
        for unit, count in counts.items():
            if count > most:
                held.setdefault(unit, file)
    numbers = [unit for unit in held if unit != _TIMES]
    if _TIMES in held and numbers:
        told = {_TIMES: held[_TIMES], _NUMBERS: held[numbers[0]]}
    elif len(numbers) > 1 and _NUMBERS not in numbers:
        told = {f"in {unit} since 1970": held[unit] for unit in _SINCE_1970 if unit in held}
    else:
        return
    places = " and ".join(f"{unit} in {file}" for unit, file in told.items())
    raise SourceError(
        f"domain {domain.name}: the version '{domain.version}' is {places}: which is the later nobody can tell. Write "
        f"it in one way in all files, or leave `version` out of {domain.name}.yaml: then the file modified last wins."
    )
