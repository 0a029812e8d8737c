"""How ids of one client may be written in two tables, and which of these ways explains that they do not meet."""

from collections.abc import Callable
from typing import NamedTuple

import polars as pl

_PROBED = 1000  # clients that are tried, spread evenly: enough for a share
_EXPLAINED = 0.5  # of those that meet nothing: what brings fewer of them together is chance, or not all
_FEWEST = 3  # clients that a cause has to bring together; of fewer, one may be chance
_ZEROS = r"^0+(.)"
_EXACT_DIGITS = 15  # that a spreadsheet keeps of a number
_BARE = 0.9  # share of ids that are digits alone, from which a table writes them so; a few are for tests


class _Spelling(NamedTuple):
    """A way in which ids of one client may differ.

    Attributes:
        bare: what is left of an id when the difference is taken off; null where it can have none.
        told: the difference, for people.
        possible: whether our ids and theirs can differ so at all: where both have the same form, ids that agree in part
            are different clients.
    """

    bare: Callable[[pl.Expr], pl.Expr]
    told: str
    possible: Callable[[pl.Series, pl.Series], bool] = lambda ours, theirs: True


def _forms(ids: pl.Series) -> pl.Series:
    return ids.str.replace_all(r"\d+", "0").unique()


def _differ_in_form(ours: pl.Series, theirs: pl.Series) -> bool:
    return not _forms(ours).is_in(_forms(theirs).implode()).any()


def _one_is_bare(ours: pl.Series, theirs: pl.Series) -> bool:
    """Where both have letters or signs around their digits, these tell clients apart: R000001 and C000001."""
    bare = (ids.str.contains(r"^\d+$").sum() >= _BARE * len(ids) for ids in (ours, theirs))
    return any(bare) and _differ_in_form(ours, theirs)


def _one_is_rounded(ours: pl.Series, theirs: pl.Series) -> bool:
    return any(bool(ids.str.contains(rf"^\d{{{_EXACT_DIGITS}}}0+$").all()) for ids in (ours, theirs))


_SPELLINGS = (
    _Spelling(lambda text: text.str.replace(_ZEROS, "${1}"), "leading zeros are lost in one of the two"),
    _Spelling(lambda text: text.str.to_lowercase(), "letters are capitals in one of the two and small in the other"),
    _Spelling(
        lambda text: text.str.replace_all(r"[^\pL\pN]", "").str.to_lowercase(),
        "one of the two has spaces or signs within ids",
    ),
    _Spelling(
        lambda text: pl.when(text.str.len_chars() > _EXACT_DIGITS).then(text.str.slice(0, _EXACT_DIGITS)),
        f"a spreadsheet kept only {_EXACT_DIGITS} digits of longer ids",
        _one_is_rounded,
    ),
    _Spelling(
        lambda text: text.str.replace_all(r"\D", "").str.replace(_ZEROS, "${1}"),
        "one of the two has a prefix or a suffix",
        _one_is_bare,
    ),
)


def likely_cause(unmet: pl.Series, theirs: pl.Series) -> str:
    """Why ids do not meet those of another table, as a clause; empty where no difference in writing explains it.

    Args:
        unmet: different ids, none of which is among `theirs`.
        theirs: different ids.
    """
    probed = unmet.gather_every(max(1, len(unmet) // _PROBED))
    for spelling in _SPELLINGS:
        if not spelling.possible(probed, theirs):
            continue
        ours, other = (_bare(ids, spelling) for ids in (probed, theirs))
        met = ours.is_in(other.unique().implode()).sum()
        if met >= max(_FEWEST, _EXPLAINED * len(probed)):
            return f"{spelling.told} ({met:,} of {len(probed):,} would meet otherwise)"
    return ""


def _bare(ids: pl.Series, spelling: _Spelling) -> pl.Series:
    bare = ids.to_frame("id").select(spelling.bare(pl.col("id"))).to_series()
    return bare.filter((bare != "").fill_null(value=False))
