"""Sending the letters that wait: each once it is its turn, and what fails again after a pause that grows."""

import time
from collections.abc import Sequence

from anna_resources.notifications.addresses import Address, AddressError, NotSentError
from anna_resources.notifications.state import DAY, Letter, State, StateFile, letters

KEPT_DAYS = 3.0  # after which a letter that could not be sent is given up
_SENDING_SECONDS = 20.0  # of a look; Dagster ends one after a minute, and a receiver may take `SEND_SECONDS`


def deliver(file: StateFile, state: State, addresses: Sequence[Address]) -> list[str]:
    """Send what waits; the state is written after each letter.

    Args:
        file: where the state is kept; the caller holds its lock.
        state: which is changed.
        addresses: all there are.

    Returns:
        Sentences about what could not be sent, without secrets.
    """
    end, told = time.monotonic() + _SENDING_SECONDS, list[str]()
    known = {address.key for address in addresses}
    if gone := [letter for letter in state.letters if letter.to not in known]:
        told.append(f"{letters(len(gone))} not sent, as the address is in the settings no more.")
        state.letters = [letter for letter in state.letters if letter.to in known]
        file.write(state)
    for address in addresses:
        told += _give_up(file, state, address)
        told += _send_all(file, state, address, end)
    return told


def _give_up(file: StateFile, state: State, address: Address) -> list[str]:
    old = [letter for letter in state.of(address.key) if time.time() - letter.since > KEPT_DAYS * DAY]
    if not old:
        return []
    state.letters = [letter for letter in state.letters if letter not in old]
    state.given_up[address.key] = state.given_up.get(address.key, 0) + len(old)
    file.write(state)
    return [
        f"{address.label()} could not be reached for {KEPT_DAYS:g} days: {letters(len(old))} given up "
        f"({'; '.join(letter.message.title for letter in old[:3])}{' …' if len(old) > 3 else ''})."
    ]


def _send_all(file: StateFile, state: State, address: Address, end: float) -> list[str]:
    pause = file.pause(address.key)
    while waiting := state.of(address.key):
        if pause.seconds_left or time.monotonic() > end:
            problem = f": {pause.problem} It is tried again" if pause.problem else ", and will be"
            return [f"{letters(len(waiting))} still to be sent to {address.label()}{problem} in a while."]
        letter = waiting[0]
        try:
            address.send(letter.message.title, letter.message.text() + _lost(state, address), letter.message.severity)
        except (AddressError, NotSentError) as error:
            pause.begin(str(error))
            _put_last(state, letter)
            file.write(state)
            return [f"{letters(len(waiting))} still to be sent. {error}"]
        state.letters.remove(letter)
        state.given_up.pop(address.key, None)
        pause.end()
        file.write(state)
    return []


def _put_last(state: State, letter: Letter) -> None:
    """Have another letter tried first: a receiver may refuse one for what it says, and would take the others."""
    state.letters.remove(letter)
    state.letters.append(letter)


def _lost(state: State, address: Address) -> str:
    lost = state.given_up.get(address.key, 0)
    return f"\n\n{letters(lost)} before this could not be sent here, and given up." if lost else ""
