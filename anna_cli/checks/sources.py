"""Whether a domain's source table is there, and whether its columns and first rows fit the domain."""

from collections.abc import Iterator

from anna_cli.checks.findings import Finding, bad, good, warning
from anna_core.domains import Domain
from anna_core.errors import SourceError
from anna_core.sources.files import told_unread
from anna_core.sources.preview import preview
from anna_core.sources.source import Source
from anna_resources.settings import Settings


def check_source(domain: Domain, settings: Settings) -> Iterator[Finding]:
    """The table's place, its files' columns and types, and what of its first rows would be left aside or refused."""
    source = Source(domain, settings.home, settings.time_zone, settings.source_settle_seconds, settings.left_aside)
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
    for message in seen.refused:
        yield bad(message, "it would be refused when the source is observed or its mart is built")
    if not seen.refused:
        count = "1 file" if seen.files == 1 else f"{seen.files:,} files"
        yield good(f"domain {domain.name}: source {path}: {count}; the first {seen.rows:,} rows fit")
        for reason, rows in seen.left.items():
            yield warning(
                f"domain {domain.name}: {reason} in {rows:,} of the first {seen.rows:,} rows", "mend them there"
            )
    if seen.unread:
        cure = "rename or convert what belongs to the table"
        yield warning(f"domain {domain.name}: {told_unread(seen.unread)}", cure)
