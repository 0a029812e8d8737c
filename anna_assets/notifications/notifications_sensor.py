"""The sensor `notifications`: whoever wants to know is told what happened since its last look.

At each look, what is new becomes letters, which are kept with how far was looked in one file; then those that wait are
sent. No run waits for that, or fails of it: whatever cannot be sent stays, and the sensor says so.
"""

from collections.abc import Callable

import dagster as dg
from filelock import Timeout

from anna_assets.notifications.late import late_scores
from anna_assets.notifications.pressed import new_presses
from anna_assets.notifications.runs import ended_runs, last_ends
from anna_assets.notifications.writing import Writing
from anna_assets.partitions import periods_of
from anna_core.domains import Domain
from anna_core.errors import in_words
from anna_resources.notifications.addresses import all_addresses
from anna_resources.notifications.delivery import deliver
from anna_resources.notifications.message import Message
from anna_resources.notifications.state import State, StateFile
from anna_resources.settings import Settings
from anna_resources.warehouse import Warehouse

NOTIFICATIONS = "notifications"
WATCH_SECONDS = 30  # between two looks


def notifications_sensor(domains: list[Domain], settings: Settings) -> dg.SensorDefinition:
    """The sensor `notifications`; begins no run."""

    @dg.sensor(
        name=NOTIFICATIONS,
        minimum_interval_seconds=WATCH_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells whom `notify` in anna.yaml names what happened: launches, presses, scores that are late or "
        "failed, drift.",
    )
    def notifications(context: dg.SensorEvaluationContext, warehouse: Warehouse) -> dg.SkipReason:
        file, addresses = StateFile(settings.notifications), all_addresses(settings.notify)
        there = {domain.name: domain for domain in domains}
        try:
            with file.lock.acquire(timeout=0):
                if not addresses:
                    file.forget()  # whoever is named later is told of what comes then
                    return dg.SkipReason("Nobody is to be told: `notify` in anna.yaml names no address.")
                state = file.read()
                writing = Writing(settings, warehouse)
                if state is None:
                    state = State(runs=last_ends(context.instance), presses=writing.champions.heads())
                    file.write(state)
                asked: list[Callable[[State], list[Message]]] = [
                    lambda known: ended_runs(context.instance, writing, known),
                    lambda known: new_presses(writing, known),
                    lambda known: late_scores(writing, known, there, periods_of(settings)),
                ]
                told, messages = list[str](), list[Message]()
                for ask in asked:
                    state = _asked(ask, state, messages, told)
                state.post(sorted(messages, key=lambda message: message.at), settings.notify)
                if state != file.read():
                    file.write(state)
                told += deliver(file, state, addresses)
        except Timeout:
            return dg.SkipReason("An earlier look is still sending.")
        for sentence in told:
            context.log.warning(sentence)
        return dg.SkipReason(" ".join(told) or "Everybody is told everything.")

    return notifications


def _asked(ask: Callable[[State], list[Message]], state: State, messages: list[Message], told: list[str]) -> State:
    """The state after a look that added to the messages; as it was where that cannot be found out, which is told."""
    known = state.model_copy(deep=True)
    try:
        messages += ask(known)
    except Exception as error:  # noqa: BLE001  # whatever is wrong with one, the others are told, and this at a later look
        told.append(f"What is to be told is not known yet: {in_words(error)}")
        return state
    return known
