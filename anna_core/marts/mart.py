"""Marts: a month of a domain's events, typed, de-duplicated, encoded and sorted.

The source is read once, in pieces that fit into memory (`pieces.py`), and each piece is sorted (`runs.py`). Once all
categories of the month are known, the dictionary is extended; then the sorted runs are merged (`merge.py`) and written
(`output.py`), one range of clients after another, each while the next is merged. A month that fits into memory is one
piece.
"""

import datetime as dt
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl

from anna_core.errors import NotAsObservedError
from anna_core.marts.counting import Counts
from anna_core.marts.dictionary import MISSING_BOOLEAN, MISSING_VALUE, Dictionary, extend_dictionary, read_dictionary
from anna_core.marts.footer import Footer, read_footer
from anna_core.marts.merge import Codes, code_tables, content_by_day, merge
from anna_core.marts.output import MartWriter
from anna_core.marts.pieces import Piece, read_pieces
from anna_core.marts.runs import Run, array_on_disk, client_ranges
from anna_core.memory import events_within
from anna_core.months import month_bounds, month_folder, months_below, next_month
from anna_core.sources.clashing_keys import key_of_others, key_twice, refuse_keys
from anna_core.sources.corrections import Corrections
from anna_core.sources.door import field_names
from anna_core.sources.faults import Fault
from anna_core.sources.fingerprints import combine_fingerprints, shifted_fingerprint, write_fingerprint
from anna_core.sources.left_aside import month_examples, refusal, told, too_many
from anna_core.sources.looking import unchanged
from anna_core.sources.observed_files import ObservedFiles
from anna_core.sources.reading import reading
from anna_core.sources.scanning import scan_month
from anna_core.sources.source import Source
from anna_core.storage import scratch_folder, write_file

MART_FILE = "events.parquet"
_BYTES, _FIELD_BYTES = 200, 40  # per event being worked on, and per field and key column of it; measured, with copies
_PART = 2**18  # events that are merged and written at once, if there is memory for so many
_COUNTING = 8  # an eighth of the memory is for counting categories
# Polars makes some 40 batches ahead of whoever takes them (measured): together they should have no more rows than a
# piece. Batches of very few rows take longer, and none needs more rows than Polars gives it by default.
_AHEAD, _FEWEST, _MOST = 40, 10_000, 100_000


@dataclass(frozen=True)
class MartMonth:
    """What one build of a mart's month found.

    Attributes:
        rows: number of events written.
        clients: number of different clients among them.
        largest: the client with the most events, and how many these are; None for a month without events.
        source_rows: number of the source's rows in the month.
        repeated: number of rows dropped because another delivery of the same event is kept.
        left: reason → number of rows left aside, or kept with a missing value because what stands there is unusable, or
            dropped as another delivery of an event that lies far away, or that the same file has with other values.
        left_rows: number of rows left aside, for any reason.
        missing: field → share of events without a value, 0 to 1; all 0 of a month without events.
        ended: fields without any value in the month that have some in the month before.
        dictionary: the dictionary that encoded the month.
        data_version: digest of the content.
        source_version: fingerprint of the source rows that the month was built from.
    """

    rows: int
    clients: int
    largest: tuple[str, int] | None
    source_rows: int
    repeated: int
    left: dict[str, int]
    left_rows: int
    missing: dict[str, float]
    ended: list[str]
    dictionary: Dictionary
    data_version: str
    source_version: str


def mart_path(folder: Path, month: dt.date) -> Path:
    """The file of a mart's month below the domain's folder: `month=2024-03/events.parquet`."""
    return folder / month_folder(month) / MART_FILE


def built_months(folder: Path) -> dict[dt.date, Path]:
    """The months of a mart that exist, in order: first day → file."""
    files = {month: mart_path(folder, month) for month in months_below(folder)}
    return {month: file for month, file in files.items() if file.exists()}


def build_mart(
    source: Source,
    month: dt.date,
    mart_folder: Path,
    dictionary_folder: Path,
    memory: int,
    corrections: Corrections,
    observed: ObservedFiles | None,
) -> MartMonth:
    """Build one month of a mart from the source, and extend the dictionary by the categories that are new.

    Args:
        source: the domain's raw table.
        month: its first day.
        mart_folder: the folder of the domain's months.
        dictionary_folder: the folder of its dictionary.
        memory: bytes to work with; the result does not depend on it.
        corrections: which of the month's events lose to deliveries in other months, as the observation found.
        observed: read only these files, in the state in which they were observed; None: the whole table as it is now.

    Raises:
        NotAsObservedError: a file of `observed` is no longer as it was, or it has another number of the month's rows
            by the rules of today; nothing is written.
        SourceError: the source cannot be read as the domain says, or too many rows cannot be used; nothing is written.
            Where it is the event key that tells no events apart, the dictionary has the month's categories by then.
        ArtifactError: the dictionary lacks codes of marts that are there; nothing is written.
    """
    domain, share, path = source.domain, source.left_aside, mart_path(mart_folder, month)
    most = events_within(memory, _BYTES + _FIELD_BYTES * (len(domain.fields) + len(domain.event_key)))
    batch = min(max(most // _AHEAD, _FEWEST), _MOST)
    with write_file(path) as temporary, scratch_folder(path.parent) as spill:
        marts = built_months(mart_folder).values()
        closed = frozenset(read_dictionary(domain, dictionary_folder, marts).shared)
        found = _Found(
            spill, Counts(spill, memory // _COUNTING), apart=corrections.apart, clashing=corrections.clashing
        )
        with unchanged(domain, observed):
            superseded = corrections.superseded if len(corrections.superseded) else None
            with pl.Config(streaming_chunk_size=batch), reading(domain, source.path if domain.source.is_lake else None):
                scan = scan_month(source, month, superseded, observed)
                for piece in read_pieces(domain, month, scan, most, closed):
                    found.add(piece)
            if observed is not None and found.rows != observed.rows:
                raise NotAsObservedError(
                    f"domain {domain.name}: {found.rows:,} rows of {month:%Y-%m} were read, but {observed.rows:,} were "
                    "observed. The month is built once the source is observed again; if it is not then, write the "
                    "source's files anew."
                )
            faults = [replace(fault, proof=None) for fault in scan.faults.values()]  # which are judged by whole files
            if reasons := too_many(found.left, faults, found.rows, share, found.values):
                where = {reason: month_examples(source, reason, month, observed) for reason in reasons}
                words = told(faults, reasons, where)
                raise refusal(domain, f"{month:%Y-%m}", found.left, found.rows, share, words, faults, found.values)
        dictionary = extend_dictionary(domain, dictionary_folder, found.counts.parts())
        source_version = shifted_fingerprint(write_fingerprint(found.rows, found.hash), corrections.digest)
        before = read_footer(mart_path(mart_folder, next_month(month, -1))) or Footer()
        return _write(source, month, found, faults, dictionary, source_version, most, before, temporary)


@dataclass
class _Found:
    """A month of the source: its events as sorted runs, and what was counted while reading."""

    spill: Path
    counts: Counts
    runs: list[Run] = field(default_factory=list)
    rows: int = 0
    superseded: int = 0
    apart: int = 0  # of the rows that lose to another delivery, those far from it
    clashing: int = 0  # and those with other values in the same file
    left: Counter[str] = field(default_factory=Counter)
    values: Counter[str] = field(default_factory=Counter)  # as of `Piece`
    hash: int = 0

    def add(self, piece: Piece) -> None:
        """Add a piece; of several, only the last one's run stays in memory."""
        if self.runs:
            self.runs[-1] = self.runs[-1].on_disk(self.spill / str(len(self.runs)))
        self.runs.append(piece.run)
        self.counts.add(piece.counts)
        self.rows, self.superseded = self.rows + piece.rows, self.superseded + piece.superseded
        self.left.update(piece.faults)
        self.values.update(piece.values)
        self.hash += piece.hash

    def codes(self, dictionary: Dictionary) -> list[Codes]:
        """The codes of each run's values, which it then lets go of; memory-mapped files if there are several runs."""
        several, tables = len(self.runs) > 1, []
        for place, run in enumerate(self.runs):
            codes = code_tables(run, dictionary)
            tables.append(self._spilled(codes, place) if several else codes)
            self.runs[place] = replace(run, values={})
        return tables

    def _spilled(self, codes: Codes, place: int) -> Codes:
        return {
            name: array_on_disk(table, self.spill / f"{place}.codes.{number}")
            for number, (name, table) in enumerate(codes.items())
        }


def _write(
    source: Source,
    month: dt.date,
    found: _Found,
    faults: list[Fault],
    dictionary: Dictionary,
    source_version: str,
    most: int,
    before: Footer,
    path: Path,
) -> MartMonth:
    domain, (first, _) = source.domain, month_bounds(month)
    writer = MartWriter(path, domain)
    own = field_names(domain)
    rows = clients = 0
    days = Counter[int](), Counter[int]()  # day of the month → its events; the sum of their hashes
    largest: tuple[str, int] | None = None
    repeated = found.superseded
    missing = dict.fromkeys(domain.fields, 0)
    nothing = {name: int(dictionary.codes_of(name, pl.Series([MISSING_VALUE]))[0]) for name in domain.categorical}
    nothing |= dict.fromkeys(domain.boolean, MISSING_BOOLEAN)
    codes = found.codes(dictionary)
    with ThreadPoolExecutor(1) as pool:  # a part is written while it is hashed and the next one is merged
        written: Future[None] | None = None
        for runs in client_ranges(found.runs, min(most // 2, _PART)):
            part = merge(runs, codes, domain, first)
            if written is not None:
                written.result()
            written = pool.submit(writer.add, part)
            for day, events, hashed in content_by_day(part).iter_rows():
                days[0][day] += events
                days[1][day] += hashed
            rows, repeated = rows + len(part.place), repeated + part.repeated
            found.apart, found.clashing = found.apart + part.apart, found.clashing + part.clashing
            of_client = np.bincount(part.place)  # a client is in one part alone
            clients += int(np.count_nonzero(of_client))
            if (most_events := int(of_client.max(initial=0))) > (largest[1] if largest else 0):
                largest = part.clients[int(of_client.argmax())], most_events
            for name in missing:
                values = part.events[own[name]]
                missing[name] += int((values == nothing[name]).sum()) if name in nothing else values.null_count()
        assert written is not None
        written.result()
    of_key = {key_of_others(domain): found.apart, key_twice(domain): found.clashing}
    refuse_keys(domain, f"{month:%Y-%m}", of_key, found.rows, source.left_aside)
    left = found.left | Counter(of_key)
    codes_used = {name: dictionary.cardinalities[name] for name in domain.categorical}
    shares = {name: count / rows for name, count in missing.items()} if rows else {}
    by_day = {f"{month.replace(day=day)}": write_fingerprint(days[0][day], days[1][day]) for day in sorted(days[0])}
    writer.close(Footer(source_version, codes_used, shares, by_day).as_metadata())
    return MartMonth(
        rows=rows,
        clients=clients,
        largest=largest,
        source_rows=found.rows,
        repeated=repeated,
        left={reason: count for reason, count in left.items() if count},
        left_rows=sum(found.left[fault.reason] for fault in faults if fault.whole_row),
        missing=shares or dict.fromkeys(missing, 0.0),
        ended=[name for name, share in shares.items() if share == 1 and before.missing.get(name, 1) < 1],
        dictionary=dictionary,
        data_version=combine_fingerprints(list(by_day.values())),
        source_version=source_version,
    )
