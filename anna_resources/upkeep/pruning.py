"""What a run of upkeep found, kept on disk for the command that asked for it and for `anna doctor`."""

import datetime as dt
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from anna_core.storage import write_text
from anna_resources.settings import Settings


class Line(BaseModel):
    """What goes of one kind.

    Attributes:
        what: the setting in `keep` that says how long it is kept.
        number: of things.
        size: bytes.
    """

    model_config = ConfigDict(frozen=True)

    what: str
    number: int
    size: int


class Pruning(BaseModel):
    """What a run of upkeep found.

    Attributes:
        run: id of the Dagster run.
        at: when, in UTC.
        is_done: whether it was removed, or only shown.
        lines: what goes, or went.
        notes: what is left alone although it is too old, and why, in sentences.
        disk: folder of the storage → bytes in it, after.
    """

    model_config = ConfigDict(frozen=True)

    run: str
    at: dt.datetime
    is_done: bool
    lines: list[Line]
    notes: list[str]
    disk: dict[str, int]

    def keep(self, storage: Path) -> None:
        """Keep it in the deployment's storage."""
        write_text(_file(storage), self.model_dump_json(indent=1))


def last_pruning(settings: Settings) -> Pruning | None:
    """The latest one; None where there is none that can be read."""
    try:
        return Pruning.model_validate_json(_file(settings.storage).read_bytes())
    except (FileNotFoundError, ValidationError):  # only of use to people, who can have it made again
        return None


def _file(storage: Path) -> Path:
    return storage / "upkeep" / "told.json"
