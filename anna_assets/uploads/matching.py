"""Looking for the clients of uploads in the marts, before their launch: what that finds is told with the upload."""

from anna_assets.uploads.marts import Marts
from anna_assets.uploads.reading import Later, Reading, upload_size
from anna_assets.uploads.work import Answer, MatchJob
from anna_core.samples.register import Entry, Register, UploadState

_LATER = "its clients are looked for in the marts once another upload has been read."
_CHANGED = "what its rows look back to has changed: its clients are looked for again."
_CUT_SHORT = "each time that they were looked for, ANNA's code server ended before that did"
_LOOKED_AT_AGAIN = (
    "It is looked at again once its file, its settings, or what the months hold that its rows look back to changes."
)
_MOST_TRIES = 5  # that ended without an answer, as the code server ended meanwhile


class Matching:
    """Has the clients of uploads looked for, as far as one look at the inbox goes."""

    def __init__(self, reading: Reading, marts: Marts) -> None:
        """`reading` is of this look."""
        self._reading, self._marts, self._inbox = reading, marts, marts.settings.inbox

    def look_again(self, register: Register) -> None:
        """Let uploads wait again that were refused as none of their clients had an event, where that may be otherwise.

        That is so once what decided it (`Marts.decisive`) is another than when their clients began to be looked for.
        """
        for _, entry in register.of_state(UploadState.REFUSED):
            now = self._marts.decisive(entry.as_of) if entry.nobody else ""
            if now and now != entry.decisive:  # while it cannot be told, that is no sign of anything
                entry.put(UploadState.WAITING, _CHANGED)

    def puts_off(self, entry: Entry) -> bool:
        """Whether the upload's turn cannot come at this look, as is then said in its entry."""
        if entry.matched or not self._reading.is_full(self._size(entry)):
            return False
        entry.reason = _LATER
        return True

    def looked_for(self, entry: Entry) -> bool:
        """Have the upload's clients looked for, and say in its entry what was found, or since when.

        Where nobody has an event, the upload is refused: its launch would fail of that, once all had been trained.
        What cannot be found out is a warning, and keeps no upload from its launch.

        Returns:
            Whether that is over, and the upload may be launched.
        """
        job = MatchJob(
            file=self._inbox / entry.file,
            content=entry.content,
            marts=self._marts.folders,
            observed=self._marts.observed_in,
            kept=(self._marts.settings.first_month, self._marts.settings.last_month),
        )
        decisive, tries = self._marts.decisive(entry.as_of), entry.tries  # before the job begins: it may take long
        found = self._reading.ask(job, self._size(entry), entry, may_begin=entry.tries < _MOST_TRIES)
        if entry.tries > tries:
            entry.decisive = decisive
        if isinstance(found, Later) and not found.left:
            _tell_later(entry, found)
            return False
        answer = Answer(problem=_CUT_SHORT) if isinstance(found, Later) else found
        entry.warnings, entry.nobody = answer.warnings, bool(answer.refusal)
        if entry.nobody:
            entry.warnings, entry.tries, entry.request = [], 0, ""
            entry.put(UploadState.REFUSED, f"{answer.refusal} {_LOOKED_AT_AGAIN}")
            return False
        if answer.problem:
            entry.warnings = [f"Whether the marts know the sample's clients could not be told: {answer.problem}."]
        entry.matched, entry.tries = True, 0
        return True

    def _size(self, entry: Entry) -> int:
        """What it takes to look for the upload's clients in the months that its windows touch, in bytes of CSV."""
        return upload_size(entry.files) + self._marts.size(entry.as_of)


def _tell_later(entry: Entry, later: Later) -> None:
    if later.since:
        entry.reason = f"its clients have been looked for in the marts since {later.since}; its run begins after that."
    elif later.busy:
        entry.reason = _LATER
