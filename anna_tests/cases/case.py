"""A case, and what comes of it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from anna_core.errors import AnnaError
from anna_core.marts.mart import build_mart, mart_path
from anna_core.memory import DEFAULT_MEMORY
from anna_core.months import parse_month
from anna_core.sources.corrections import read_corrections
from anna_core.sources.observing import observe
from anna_tests.cases.bank import EVENTS, CaseBank

Bend = Callable[[CaseBank], None]


@dataclass(frozen=True)
class Case:
    """An odd input and what is right of it.

    Attributes:
        name: names the test.
        what: what the input is, for docs/errors.md.
        bend: writes the source.
        settings: of the domain, as `CaseBank` takes them.
        refused: part of the refusal; empty where the source is read.
        rows: events in all marts together, where it is read.
        left: reason → rows.
        codes: categories of a field, where they tell something.
        notes: what is told of the files; each a part of one note.
        unread: names of files that are not read.
    """

    name: str
    what: str
    bend: Bend
    settings: dict = field(default_factory=dict)
    refused: str = ""
    rows: int = EVENTS
    left: dict[str, int] = field(default_factory=dict)
    codes: dict[str, set[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass
class Outcome:
    """What came of a case: the refusal, or what was read."""

    refusal: str = ""
    rows: int = 0
    left: Counter[str] = field(default_factory=Counter)
    codes: dict[str, set[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    events: pl.DataFrame = field(default_factory=pl.DataFrame)


def outcome(case: Case, home: Path) -> Outcome:
    """Write the case's bank under `home`, observe it and build its marts, as the graph does."""
    bank = CaseBank(home, case.settings)
    case.bend(bank)
    try:
        return _refreshed(bank)
    except AnnaError as error:
        return Outcome(refusal=str(error).replace(str(home), "$ANNA_HOME"))


def _refreshed(bank: CaseBank) -> Outcome:
    home, state_folder = bank.home, bank.home / "state"
    state = observe(bank.source, state_folder, "", DEFAULT_MEMORY, [])
    found = Outcome(left=state.left, notes=state.notes, unread=sorted(state.unread))
    frames = []
    for key in state.months:
        month = parse_month(key)
        folders = home / "mart", home / "dictionary"
        corrections = read_corrections(state_folder, key)
        observed = None if bank.domain.source.is_lake else state.files_of(key)
        built = build_mart(bank.source, month, *folders, DEFAULT_MEMORY, corrections, observed)
        assert built.source_version == state.months[key], "a mart would be stale for ever"
        found.rows += built.rows
        frames.append(pl.read_parquet(mart_path(home / "mart", month), glob=False).select("client_id", "event_time"))
        for name in bank.domain.categorical:
            found.codes[name] = set(built.dictionary.table.filter(field=name)["value"])
    found.events = pl.concat(frames) if frames else found.events
    return found
