"""What a period's scores look like, and of what that is."""

import datetime as dt
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pydantic import TypeAdapter

from anna_core.errors import ArtifactError
from anna_core.periods import Period
from anna_resources.artifacts.folder import STATES_KEPT, ArtifactFolder, file_state, read_json, write_json

if TYPE_CHECKING:
    from anna_core.analytics.monitoring import Monitoring

_MONITORING_FILE = "monitoring.json"


class Seen(NamedTuple):
    """Of which scores and outcomes a monitoring is.

    Attributes:
        scored_at: when the period was scored, in UTC.
        outcomes: version of the outcomes of its date; empty for none.
        along: when the challenger scored it, in UTC; None where nobody did.
    """

    scored_at: dt.datetime
    outcomes: str
    along: dt.datetime | None


@dataclass(frozen=True)
class PeriodMonitoring(ArtifactFolder):
    """What a period's scores look like, as one JSON file."""

    @classmethod
    def below(cls, storage: Path, task: str, period: Period) -> "PeriodMonitoring":
        """That of a task in a deployment's storage."""
        return cls(storage / "production" / "monitoring" / task / period.folder)

    def write(self, found: "Monitoring") -> None:
        """Replace it."""
        with self.writing() as folder:
            write_json(folder / _MONITORING_FILE, found)

    def read(self) -> "Monitoring | None":
        """It; None where there is none, or it is damaged: it is made again by itself, of what is on the disk."""
        with suppress(ArtifactError):
            return _read_monitoring(self.current())
        return None

    def seen(self) -> Seen | None:
        """What was looked at; None as of `read`."""
        with suppress(ArtifactError):
            version = self.current()
            return _read_seen_once(version, *file_state(version / _MONITORING_FILE))
        return None


@lru_cache(maxsize=STATES_KEPT)
def _read_seen_once(version: Path, *_state: int) -> Seen:
    """What the monitoring in a folder is of, read once in each state; errors are not kept."""
    found = _read_monitoring(version)
    return Seen(found.scored_at, found.outcomes, None if found.along is None else found.along.scored_at)


def _read_monitoring(folder: Path) -> "Monitoring":
    """The monitoring in a folder. Raises `ArtifactError` where there is none that can be read."""
    from anna_core.analytics.monitoring import Monitoring

    return read_json(folder / _MONITORING_FILE, TypeAdapter(Monitoring))
