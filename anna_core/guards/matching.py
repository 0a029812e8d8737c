"""Which clients of a sample the marts know, and whether its dates lie where there are events.

An id that is written otherwise in the sample than in the source meets nothing, and a model of the clients that are left
looks merely weak. So it is told before anything is trained, with the likely cause.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from anna_core.columns.shares import percent
from anna_core.domains import Domain
from anna_core.guards.spellings import likely_cause
from anna_core.marts.footer import read_footer
from anna_core.marts.mart import built_months
from anna_core.months import next_month
from anna_core.sequences.touched_months import months_needed

# Some clients are new, or do nothing: of a bank's own samples some per cent have no event at all.
FEWEST_KNOWN = 0.9
_GAP = dt.timedelta(days=7)  # between the newest event and as_of; no bank is without any event for longer
_COMPARED_MONTHS = 3  # the newest: their clients are compared with those who meet nothing
_SHOWN = 3


@dataclass(frozen=True)
class DomainMatch:
    """What one domain knows of a sample.

    Attributes:
        domain: its name.
        met: clients of the sample with an event in the months that the windows of its rows touch.
        cause: why others are not met, as a clause; empty where it is not their writing, or cannot be told.
        ours: some of the clients who are not met.
        theirs: some clients of the domain.
    """

    domain: str
    met: int
    cause: str
    ours: tuple[str, ...]
    theirs: tuple[str, ...]


@dataclass(frozen=True)
class Match:
    """What the marts know of a sample.

    Attributes:
        clients: different clients of the sample.
        met: those of them that at least one domain knows.
        domains: those that have events in the months that the windows of the sample's rows touch.
        warnings: sentences for people; none where all is well, or no mart is there.
    """

    clients: int
    met: int
    domains: tuple[DomainMatch, ...]
    warnings: tuple[str, ...]

    @property
    def nobody(self) -> str:
        """Why no row can see an event, as sentences, where that is so for want of any client with one; else empty."""
        if self.met:
            return ""
        return " ".join(self.warnings) or "no domain has an event in the months that its rows look back to."


def match_sample(
    rows: pl.DataFrame,
    marts: Sequence[tuple[Domain, Path]],
    observed: Callable[[], Iterable[dt.date]] = tuple,
) -> Match:
    """Look for a sample's clients and dates in the marts.

    Args:
        rows: client_id (text) and as_of (date); n > 0 rows.
        marts: domains and the folders of their marts, whose months are built as far as the sample needs them; a domain
            without events is passed over, and so is a damaged month.
        observed: tells the months in which any domain has events, built or not; asked where the marts alone might blame
            dates for months that are still to be built.
    """
    clients = rows["client_id"].unique().sort()
    unknown, found, spans = clients, [], []
    for domain, folder in marts:
        months = {month: file for month, file in built_months(folder).items() if _has_events(file)}
        if not months:
            continue
        files = list(months.values())
        spans.append((_event_time(files[0], latest=False), _event_time(files[-1], latest=True)))
        touched = set(months_needed(domain, rows["as_of"].to_numpy()))
        if seen := [file for month, file in months.items() if month in touched]:
            unmet = _unmet(clients, seen)
            unknown = _without(unknown, _without(clients, unmet))
            found.append(_domain_match(domain.name, clients, unmet, seen))
    warnings = (*_unknown_clients(clients, unknown, found), *_odd_dates(rows["as_of"], spans, observed))
    return Match(len(clients), len(clients) - len(unknown), tuple(found), warnings)


def _has_events(file: Path) -> bool:
    footer = read_footer(file)
    return footer is not None and not footer.damage and pq.read_metadata(file).num_rows > 0


def _unmet(clients: pl.Series, files: list[Path]) -> pl.Series:
    """Clients who are in none of the files; the newest are read first, as most clients are in these already."""
    for file in reversed(files):
        if clients.is_empty():
            break
        known = pl.scan_parquet(file, glob=False).select("client_id")
        clients = clients.to_frame().lazy().join(known, on="client_id", how="anti").collect()["client_id"]
    return clients


def _without(clients: pl.Series, others: pl.Series) -> pl.Series:
    return clients.to_frame().join(others.to_frame(), on="client_id", how="anti")["client_id"]


def _domain_match(name: str, clients: pl.Series, unmet: pl.Series, files: list[Path]) -> DomainMatch:
    met = len(clients) - len(unmet)
    if unmet.is_empty():
        return DomainMatch(name, met, "", (), ())
    newest = pl.scan_parquet(files[-_COMPARED_MONTHS:], glob=False).select(pl.col("client_id").unique())
    theirs = newest.collect()["client_id"].sort()
    return DomainMatch(name, met, likely_cause(unmet, theirs), _from_all_over(unmet), _from_all_over(theirs))


def _unknown_clients(clients: pl.Series, unknown: pl.Series, found: list[DomainMatch]) -> list[str]:
    """Sentences about clients without events, where they are many, or written otherwise."""
    if not found:
        return []
    warnings = []
    written = [match for match in found if match.cause]
    if len(unknown) > (1 - FEWEST_KNOWN) * len(clients):
        shares = ", ".join(f"{match.domain} {percent(match.met / len(clients))}" for match in found)
        warnings.append(
            f"{len(unknown):,} of {len(clients):,} clients of the sample have no event in any domain in the months "
            f"that their rows look back to (clients found: {shares})."
        )
    blank = [match for match in found if not match.met] if len(unknown) < len(clients) else []
    for match in written or blank or (found[:1] if warnings else []):
        cause = f": {match.cause}" if match.cause else ""
        warnings.append(
            f"{match.domain} knows {match.met:,} of {len(clients):,} clients{cause}. It does not know "
            f"{', '.join(match.ours)}; it knows, for instance, {', '.join(match.theirs)}. Write clients as the source "
            "does."
        )
    return warnings


def _odd_dates(
    as_of: pl.Series, spans: list[tuple[dt.datetime, dt.datetime]], observed: Callable[[], Iterable[dt.date]]
) -> list[str]:
    """Sentences about rows as of days before the first event of all domains, or long after the newest."""
    first = min((begin.date() for begin, _ in spans), default=dt.date.max)
    last = max((end.date() for _, end in spans), default=dt.date.min)
    newest = f"{last}"
    months = list(observed()) if ((as_of <= first) | (as_of > last + _GAP)).any() else []
    first = min([first, *months])
    if months and (month := max(months)) > last:
        last, newest = next_month(month) - dt.timedelta(days=1), f"{month:%Y-%m}"  # it is not built: nobody knows days
    if first > last:
        return []  # there is no event at all
    early, late = as_of.filter(as_of <= first), as_of.filter(as_of > last + _GAP)
    warnings = []
    if len(early):
        warnings.append(
            f"{len(early):,} of {len(as_of):,} rows are {_dated(early)}, but no domain has an event before {first}: "
            "they see nothing. Leave them out, or bring older events."
        )
    if len(late):
        warnings.append(
            f"{len(late):,} of {len(as_of):,} rows are {_dated(late)}, but the newest event of any domain is of "
            f"{newest}: they miss what happened since. Is the year right, or are the sources behind?"
        )
    return warnings


def _event_time(file: Path, latest: bool) -> dt.datetime:
    """The first or the latest event of a month, which the file's footer tells."""
    metadata = pq.read_metadata(file)
    place = metadata.schema.names.index("event_time")
    groups = [metadata.row_group(group).column(place).statistics for group in range(metadata.num_row_groups)]
    return max(group.max for group in groups) if latest else min(group.min for group in groups)


def _dated(days: pl.Series) -> str:
    first, last = (f"{day:%Y-%m-%d}" for day in (days.dt.min(), days.dt.max()))
    return f"as of {first}" if first == last else f"as of {first} to {last}"


def _from_all_over(ids: pl.Series) -> tuple[str, ...]:
    """A few ids; such as lie side by side would tell less."""
    return tuple(ids.gather_every(max(1, len(ids) // _SHOWN)).head(_SHOWN))
