"""Whether a domain's source table is there, and whether its columns and first rows fit the domain."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import polars as pl

from anna_cli.checks.findings import Finding, bad, good, warning
from anna_core.domains import Domain
from anna_core.errors import SourceError
from anna_core.guards.files_apart import files_apart, first_clients
from anna_core.guards.written_apart import written_apart
from anna_core.sources.door import CLIENT
from anna_core.sources.files import newest_first, source_files, told_unread
from anna_core.sources.layouts import file_schema, is_empty
from anna_core.sources.preview import preview
from anna_core.sources.source import Source
from anna_resources.settings import Settings

_SHOWN = 3  # files that are named


def check_source(domain: Domain, settings: Settings) -> Iterator[Finding]:
    """The table's place, its files' columns and types, and what of its first rows would be left aside or refused."""
    source = _source(domain, settings)
    try:
        path = source.path
    except SourceError as error:
        yield bad(str(error), f"correct source.path in {domain.name}.yaml, or set what it names")
        return
    if not path.exists():
        yield bad(
            f"domain {domain.name}: its source {path} is not there",
            f"correct source.path in {domain.name}.yaml, or bring the table (`anna demo-bank` simulates one)",
        )
        return
    if path.is_dir() and not any(path.iterdir()):
        yield bad(f"domain {domain.name}: its source {path} is an empty folder", "bring the table there")
        return
    try:
        seen = preview(source)
    except SourceError as error:
        yield bad(str(error), f"mend the table, or {domain.name}.yaml")
        return
    refused = seen.refused
    for message in refused:
        yield bad(message, "it would be refused when the source is observed or its mart is built")
    if not refused:
        count = "1 file" if seen.files == 1 else f"{seen.files:,} files"
        fields = "1 field" if len(domain.fields) == 1 else f"{len(domain.fields)} fields"
        yield good(f"domain {domain.name}: {fields}; source {path}: {count}; the first {seen.rows:,} rows fit")
        for reason, rows in seen.left.items():
            where, cure = seen.told[reason]
            first = f" ({where})" if where else ""
            yield warning(f"domain {domain.name}: {reason} in {rows:,} of the first {seen.rows:,} rows{first}", cure)
        yield from (warning(f"domain {domain.name}: {note}", "correct the source") for note in seen.notes)
        yield from _check_columns(source)
    if seen.unread:
        cure = "rename or convert what belongs to the table"
        yield warning(f"domain {domain.name}: {told_unread(seen.unread)}", cure)


def check_clients(domains: Iterable[Domain], settings: Settings) -> Iterator[Finding]:
    """Whether each source, and all of them, write clients in one way; what cannot be read `check_source` tells."""
    clients = {}
    for domain in domains:
        of_files = dict[str, pl.Series]()
        with suppress(Exception):  # whatever it is, `check_source` has met it, too, and told of it
            source = _source(domain, settings)
            files = [source.path] if domain.source.is_lake else newest_first(source_files(source).read)
            of_files = first_clients(source, files)
        if told := files_apart(of_files):
            cure = "find out which way is right, and write the other files anew"
            yield warning(f"domain {domain.name}: {told}", cure)
        clients[domain.name] = pl.concat([pl.Series(CLIENT, dtype=pl.String), *of_files.values()]).unique()
    for told in written_apart(clients):
        yield warning(told, "find out which way is right, and convert the other source, as in a view")


def _check_columns(source: Source) -> Iterator[Finding]:
    """Columns that some files of a source have, and others lack: their fields are missing in all rows of these."""
    domain = source.domain
    if domain.source.is_lake:
        return
    files = source_files(source).read
    lacking: dict[str, list[Path]] = defaultdict(list)
    for file in files:
        have = file_schema(domain, file)
        missing = [name for name in domain.source_columns if name not in have]
        if missing and not is_empty(domain, file):
            for name in missing:
                lacking[name].append(file)
    for name, without in lacking.items():
        some = ", ".join(file.name for file in without[:_SHOWN]) + (" …" if len(without) > _SHOWN else "")
        yield warning(
            f"domain {domain.name}: column '{name}' is not in {len(without):,} of {len(files):,} files ({some}), and "
            "counts as missing in all their rows",
            "write the column there, or rename it, if it is called otherwise there",
        )


def _source(domain: Domain, settings: Settings) -> Source:
    return Source(domain, settings.home, settings.time_zone, settings.source_settle_seconds, settings.left_aside)
