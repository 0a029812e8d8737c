"""What was looked at and told already, and the letters that wait to be sent: one small file, written at once.

So whoever is killed between two letters sends the next one at its next look; a letter that was under way just then
comes twice, and none is lost.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, ValidationError

from anna_core import storage
from anna_core.errors import ArtifactError
from anna_core.strict import explain
from anna_resources.notifications.addresses import addresses_of
from anna_resources.notifications.message import Message
from anna_resources.notify_settings import Notify
from anna_resources.tracking.pause import Pause

_FILE, _LOCK = "state.json", ".lock"
DAY = 86_400.0
_REMEMBERED = 40 * DAY  # seconds that it is kept in mind that something was told


class Letter(BaseModel):
    """A message on its way to one address.

    Attributes:
        to: key of the address.
        since: Unix time at which it was written.
        message: what it says.
    """

    model_config = ConfigDict(frozen=True)

    to: str
    since: float
    message: Message


class State(BaseModel):
    """How far everything is told.

    Attributes:
        runs: how a run may end → number of the last such event that was looked at.
        undecided: run that failed → Unix time at which it did, while nobody knows whether it is tried again.
        presses: branch of the ledger → the last commit that was looked at.
        looked: Unix time at which it was last asked what is scored late.
        due: what is to be scored → Unix time at which it first was.
        told: what is told once in a while → Unix time at which it last was.
        letters: those that wait, in the order in which they are sent.
        given_up: key of an address → number of letters that could not be sent there for too long.
    """

    runs: dict[str, int] = {}
    undecided: dict[str, float] = {}
    presses: dict[str, str] = {}
    looked: float = 0.0
    due: dict[str, float] = {}
    told: dict[str, float] = {}
    letters: list[Letter] = []
    given_up: dict[str, int] = {}

    def post(self, messages: Iterable[Message], notify: Notify) -> None:
        """Write the letters of messages, to whom they concern, as far as these want to be told."""
        for message in messages:
            if message.event in notify.events:
                to = addresses_of(notify, message.owner)
                self.letters += [Letter(to=one.key, since=time.time(), message=message) for one in to]

    def of(self, address: str) -> list[Letter]:
        """The letters that wait for an address."""
        return [letter for letter in self.letters if letter.to == address]

    def is_news(self, what: str, seconds: float) -> bool:
        """Whether something was not told for so long; it counts as told then."""
        now = time.time()
        self.told = {name: at for name, at in self.told.items() if now - at < _REMEMBERED}
        if now - self.told.get(what, -seconds) < seconds:
            return False
        self.told[what] = now
        return True


@dataclass(frozen=True)
class StateFile:
    """Where the state is kept.

    Attributes:
        folder: of the file, and of the pauses after failures.
    """

    folder: Path

    def read(self) -> State | None:
        """The state; None where nothing was ever to be told.

        Raises:
            ArtifactError: it cannot be read.
        """
        file = self.folder / _FILE
        try:
            return State.model_validate_json(file.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise ArtifactError(
                f"{file}: {explain(error, 'it')}. Remove it: what happened until then, and was not sent yet, nobody is "
                "told."
            ) from error

    def write(self, state: State) -> None:
        """Replace the state."""
        storage.write_text(self.folder / _FILE, state.model_dump_json())

    def forget(self) -> None:
        """Remove the state: nobody is to be told."""
        (self.folder / _FILE).unlink(missing_ok=True)

    def pause(self, address: str) -> Pause:
        """The pause after an address could not be reached."""
        return Pause(self.folder / f"{address}.json")

    @property
    def lock(self) -> FileLock:
        """The lock of whoever looks and sends."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self.folder / _LOCK)

    def waiting(self, addresses: Sequence[str]) -> dict[str, str]:
        """Key of an address → how many letters wait for it, how many were given up, and why; where there are any."""
        state = self.read() or State()
        found = {}
        for one in addresses:
            waiting, given_up = len(state.of(one)), state.given_up.get(one, 0)
            told = [f"{letters(waiting)} still to be sent"] if waiting else []
            told += [f"{letters(given_up)} given up"] if given_up else []
            if told:
                found[one] = ", ".join(told) + f" ({self.pause(one).problem or 'at the next look'})"
        return found


def letters(count: int) -> str:
    """So many letters, in words."""
    return f"{count:,} message{'s' * (count != 1)}"
