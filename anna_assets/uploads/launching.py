"""From a checked upload to its launch: whether there was one of the same, what it waits for, and what is asked for."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import dagster as dg

from anna_assets.uploads.launches import Launches
from anna_assets.uploads.matching import Matching
from anna_assets.uploads.waiting import Waiting
from anna_core.samples.register import Entry, Register, UploadState

_ABOUT_TO_BEGIN = "its run is about to begin."
_BATCH = 20  # launches that are asked for at a look; the rest come with the next ones


@dataclass(frozen=True)
class Launching:
    """Moves checked uploads on to their launches, at one look.

    Attributes:
        launches: finds the runs there are.
        waiting: says what is waited for.
        matching: has clients looked for in the marts.
    """

    launches: Launches
    waiting: Waiting
    matching: Matching

    def started(self, register: Register) -> list[Entry]:
        """Move the uploads on whose launches had begun before; return those whose runs are to be asked for again.

        A run that was asked for is asked for until it exists, as the daemon may die in between; its run key makes sure
        that it is made once.
        """
        for _, entry in register.of_state(UploadState.STARTING):
            self.launches.follow(register, entry)
        return [entry for _, entry in register.of_state(UploadState.STARTING) if self._match(entry)]

    def requests(self, register: Register, checked: Collection[str], started: Sequence[Entry]) -> list[dg.RunRequest]:
        """Move every upload that was read on as far as it gets; return the runs to ask for, a batch at most.

        Args:
            register: of the uploads.
            checked: names of those that were read just now, which may be answered by a launch before.
            started: those whose runs are to be asked for already.
        """
        ready = list(started)
        self.matching.look_again(register)
        waiting = register.of_state(UploadState.WAITING)
        for name, entry in sorted(waiting, key=lambda one: one[1].nobody):  # refused before: after all new ones
            if (name in checked and self.launches.answer(register, entry)) or self.waiting.hold(entry):
                continue
            if len(ready) >= _BATCH:
                entry.reason = "others are launched first; its turn comes in a moment."
            elif self.matching.puts_off(entry) or self.launches.answer(register, entry):
                continue
            elif self._start(register, entry) and self._match(entry):
                ready.append(entry)
        return [self.launches.request(entry) for entry in ready[:_BATCH]]

    def _start(self, register: Register, entry: Entry) -> bool:
        """Begin the launch of an upload; False where its run exists, as the register forgot."""
        entry.request = self.launches.run_key(entry)
        entry.put(UploadState.STARTING, _ABOUT_TO_BEGIN)
        return not self.launches.follow(register, entry)

    def _match(self, entry: Entry) -> bool:
        """Have the upload's clients looked for in the marts, unless they were; whether its run may be asked for.

        Where that took long, the marts may be behind meanwhile; then the upload waits once more. Its clients are not
        looked for anew after that: where files come faster than that goes, it would never be launched.
        """
        if entry.matched:
            return True
        if not self.matching.looked_for(entry):
            return False
        entry.warnings = [*self.launches.notes(entry), *entry.warnings]
        is_behind = self.waiting.hold(entry)
        entry.put(*((UploadState.WAITING, entry.reason) if is_behind else (UploadState.STARTING, _ABOUT_TO_BEGIN)))
        return not is_behind
