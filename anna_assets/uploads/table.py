"""The state of all uploads as the asset `uploads`: its latest observation holds the table, for the UI and GraphQL."""

import hashlib
import json
import re
import textwrap
from collections import Counter

import dagster as dg

from anna_assets.markdown import plain
from anna_assets.uploads.standing import DELETED, FINISHED
from anna_core.samples.register import Entry, Register, UploadState
from anna_resources.names import REGISTER_JOB, UPLOADS_ASSET
from anna_resources.settings import INBOX

KEY = dg.AssetKey(UPLOADS_ASSET)
_LAUNCHED_SHOWN = 50  # of those whose launches tell the rest, the latest; the table is stored anew at each change
_TOLD = 5  # of those that are not launched, on the sensor's page
# The columns that the page shows, so that nothing is cut off at its right; programs get all that a row has.
_SHOWN = {
    "file": "The file in the inbox: <task>/<sample>.csv or .parquet.",
    "standing": "settling, waiting, refused, starting; of a launch: queued, running, finished, failed, "
    "canceled or deleted.",
    "told": "Why it is so, and what you should know although nothing is refused.",
}
_MAY_BREAK = "\N{ZERO WIDTH SPACE}"
_ROOM = 52  # characters of a file's name and of a line of `told` side by side, on a page of 1,500 pixels
_SHORTEST_LINE = 20  # of `told`


def uploads_spec() -> dg.AssetSpec:
    """The asset `uploads`: the inbox's sensor observes it, no step makes it."""
    return dg.AssetSpec(
        KEY,
        group_name=UPLOADS_ASSET,
        kinds={"table"},
        description="Every sample in the inbox that has no launch yet, with what it waits for or why it is refused; "
        f"those whose launches go on; and the latest {_LAUNCHED_SHOWN} that were launched. Each observation is the "
        f"whole table, and has links to the launches.\n\nA new sample (columns client_id, as_of and target) comes "
        f"by `anna submit FILE --task NAME`, by the job `{REGISTER_JOB}` in its Launchpad, or by a copy of its file in "
        f"the deployment's folder `{INBOX}/<task>/`.",
    )


def rows(register: Register, left: dict[str, str]) -> list[dict[str, str]]:
    """The table: what was left in the inbox, what is refused, waits or starts, and what was launched lately.

    Of each of these the latest change comes first.

    Args:
        register: of the uploads.
        left: path in the inbox → why nothing is taken from there.
    """
    others = {path: Entry(file=path, files={}, settings={}, seen=0, place=0) for path in left}
    for path, entry in others.items():
        entry.put(UploadState.REFUSED, left[path])
    states = [state for state in UploadState if state is not UploadState.LAUNCHED]
    before = [entry for _, entry in register.of_state(*states)]
    return [_row(entry) for entry in [*others.values(), *reversed(before), *reversed(shown_launched(register))]]


def shown_launched(register: Register) -> list[Entry]:
    """The launched uploads that the table shows, the oldest change first: the latest ones, and whatever goes on."""
    launched = [entry for _, entry in register.of_state(UploadState.LAUNCHED)]
    return [entry for entry in launched[:-_LAUNCHED_SHOWN] if entry.watched] + launched[-_LAUNCHED_SHOWN:]


def held_back(table: list[dict[str, str]], why: str) -> list[dict[str, str]]:
    """The table with one reason for all that could come to something, while nothing can."""
    held = (UploadState.SETTLING, UploadState.WAITING, UploadState.STARTING)
    return [{**row, "reason": why} if row["state"] in held or row["watched"] else row for row in table]


def digest(table: list[dict[str, str]]) -> str:
    """Digest by which a table is known to be the one that was published."""
    return hashlib.blake2b(json.dumps(table).encode(), digest_size=12).hexdigest()


def observation(table: list[dict[str, str]]) -> dg.AssetObservation:
    """The event that publishes a table."""
    schema = dg.TableSchema([dg.TableColumn(name, "string", description=text) for name, text in _SHOWN.items()])
    line = max(_ROOM - max((len(row["file"]) for row in table), default=0), _SHORTEST_LINE)
    counts = Counter(row["standing"] for row in table)
    runs = [row for row in table if row["run"] and row["standing"] != DELETED]
    return dg.AssetObservation(
        KEY,
        description=", ".join(f"{count} {standing}" for standing, count in counts.items()) or "The inbox is empty.",
        metadata={
            UPLOADS_ASSET: dg.MetadataValue.table([_shown(row, line) for row in table], schema),
            "launches": dg.MetadataValue.md("\n".join(map(_links, runs)) or "none"),
        },
    )


def summary(table: list[dict[str, str]]) -> str:
    """What is not launched, as a text for the sensor's page; of many the first ones."""
    others = [row for row in table if row["state"] != UploadState.LAUNCHED]
    told = [f"{row['file']} is {row['state']}: {row['reason']}" for row in others]
    more = f" And {len(told) - _TOLD} more: see the asset `uploads`." if len(told) > _TOLD else ""
    return " ".join(told[:_TOLD]) + more


def _shown(row: dict[str, str], line: int) -> dg.TableRecord:
    """A row with its reason and warnings in lines of so many characters: the page breaks at spaces where it likes."""
    failed = f"it failed: {row['failed_with']}" if row["failed_with"] else ""
    told = " ".join(filter(None, [row["reason"], failed, *row["warnings"].splitlines()]))
    told = re.sub(rf"\S{{{line}}}(?=\S)", lambda part: part[0] + _MAY_BREAK, told)  # a path is one long word
    lines = textwrap.wrap(told, line, break_long_words=False, break_on_hyphens=False)
    return dg.TableRecord({**row, "told": " ".join(line.replace(" ", "\N{NO-BREAK SPACE}") for line in lines)})


def _links(row: dict[str, str]) -> str:
    """The pages of an upload's launch that there are, as an item of a list in Markdown."""
    attempt = row["attempt"] or row["run"]
    run = f"[run {attempt[:8]}](/runs/{attempt})"
    if row["standing"] == FINISHED:
        run += f", [report](/assets/report?view=partitions&partition={row['sample']})"
    return f"- {plain(row['sample'])}, {row['standing']}: {run}"


def _row(entry: Entry) -> dict[str, str]:
    dates = f"{entry.as_of[0][0]} to {entry.as_of[-1][1]}" if entry.as_of else ""
    return {
        "sample": entry.key,
        "state": entry.state.value,
        "standing": (entry.standing if entry.state is UploadState.LAUNCHED else "") or entry.state.value,
        "file": entry.file,
        "reason": entry.reason,
        "as_of": dates,
        "owner": entry.owner,
        "warnings": "\n".join(entry.warnings),
        "run": entry.run,
        "attempt": entry.attempt,
        "failed_with": entry.failed_with,
        "watched": entry.watched,
        "content": entry.content,
    }
