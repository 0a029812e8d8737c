"""The state of all uploads as the asset `uploads`: its latest observation holds the table, for the UI and GraphQL."""

import hashlib
import json

import dagster as dg

from anna_core.samples.register import Entry, Register, UploadState
from anna_resources.names import UPLOADS_ASSET

KEY = dg.AssetKey(UPLOADS_ASSET)
_LAUNCHED_SHOWN = 50  # of those whose launches tell the rest, the latest; the table is stored anew at each change
_TOLD = 5  # of those that are not launched, on the sensor's page
_COLUMNS = {
    "sample": "<task>.<sample>; empty where the names cannot make a key.",
    "state": "settling, waiting, refused, starting, or launched: the run then tells how it goes.",
    "file": "The file in the inbox.",
    "reason": "Why it is so.",
    "as_of": "First and last date of its rows.",
    "owner": "Whose limit of launches it counts in.",
    "warnings": "What you should know although nothing is refused.",
    "run": "The launch.",
    "watched": "The attempt at it whose end tells whether the sample is launched again; empty once that is known.",
    "content": "Digest of the file and of what was said of it.",
}


def uploads_spec() -> dg.AssetSpec:
    """The asset `uploads`: the inbox's sensor observes it, no step makes it."""
    return dg.AssetSpec(
        KEY,
        group_name=UPLOADS_ASSET,
        kinds={"table"},
        description="Every sample in the inbox that has no launch yet, with what it waits for or why it is refused; "
        f"those whose launches go on; and the latest {_LAUNCHED_SHOWN} that were launched. Each observation is the "
        "whole table.",
    )


def rows(register: Register, left: dict[str, str]) -> list[dict[str, str]]:
    """The table: what was left in the inbox, what is refused, waits or starts, and what was launched lately.

    Args:
        register: of the uploads.
        left: path in the inbox → why nothing is taken from there.
    """
    others = {path: Entry(file=path, files={}, settings={}, seen=0, place=0) for path in left}
    for path, entry in others.items():
        entry.put(UploadState.REFUSED, left[path])
    launched = register.of_state(UploadState.LAUNCHED)
    going_on = [item for item in launched[:-_LAUNCHED_SHOWN] if item[1].watched]
    launched = going_on + launched[-_LAUNCHED_SHOWN:]
    states = [state for state in UploadState if state is not UploadState.LAUNCHED]
    return [_row(entry) for _, entry in [*others.items(), *register.of_state(*states), *launched]]


def held_back(table: list[dict[str, str]], why: str) -> list[dict[str, str]]:
    """The table with one reason for all that could come to something, while nothing can."""
    held = (UploadState.SETTLING, UploadState.WAITING, UploadState.STARTING)
    return [{**row, "reason": why} if row["state"] in held or row["watched"] else row for row in table]


def digest(table: list[dict[str, str]]) -> str:
    """Digest by which a table is known to be the one that was published."""
    return hashlib.blake2b(json.dumps(table).encode(), digest_size=12).hexdigest()


def observation(table: list[dict[str, str]]) -> dg.AssetObservation:
    """The event that publishes a table."""
    schema = dg.TableSchema([dg.TableColumn(name, "string", description=text) for name, text in _COLUMNS.items()])
    counts = {state: sum(row["state"] == state for row in table) for state in UploadState}
    return dg.AssetObservation(
        KEY,
        description=", ".join(f"{count} {state}" for state, count in counts.items() if count) or "The inbox is empty.",
        metadata={UPLOADS_ASSET: dg.MetadataValue.table([dg.TableRecord(row) for row in table], schema)},
    )


def summary(table: list[dict[str, str]]) -> str:
    """What is not launched, as a text for the sensor's page; of many the first ones."""
    others = [row for row in table if row["state"] != UploadState.LAUNCHED]
    told = [f"{row['file']} is {row['state']}: {row['reason']}" for row in others]
    more = f" And {len(told) - _TOLD} more: see the asset `uploads`." if len(told) > _TOLD else ""
    return " ".join(told[:_TOLD]) + more


def _row(entry: Entry) -> dict[str, str]:
    dates = f"{entry.as_of[0][0]} to {entry.as_of[-1][1]}" if entry.as_of else ""
    return {
        "sample": entry.key,
        "state": entry.state.value,
        "file": entry.file,
        "reason": entry.reason,
        "as_of": dates,
        "owner": entry.owner,
        "warnings": "\n".join(entry.warnings),
        "run": entry.run,
        "watched": entry.watched,
        "content": entry.content,
    }
