"""Presses, as they are on record in the ledger."""

from anna_assets.notifications.writing import Writing
from anna_resources.ledger.presses import Press, Pressed, presses
from anna_resources.ledger.roles import Champion, Turn
from anna_resources.notifications.message import Message, Severity
from anna_resources.notifications.state import State
from anna_resources.notify_settings import Event

_EVENTS = {
    Pressed.ASKED: (Event.APPROVAL_ASKED, Severity.INFO),
    Pressed.PROMOTED: (Event.PROMOTED, Severity.SUCCESS),
    Pressed.DECLINED: (Event.DECLINED, Severity.INFO),
    Pressed.ROLLED_BACK: (Event.ROLLED_BACK, Severity.WARNING),
}


def new_presses(writing: Writing, state: State) -> list[Message]:
    """What there is to tell of the presses since the last look; of a ledger without news costs one call of git.

    Where the ledger was brought back from a copy that lacks what was looked at, nobody knows what is new: the last
    press that it holds is told then, as that is what holds from now on.
    """
    found: list[Message] = []
    champions = writing.champions
    now = champions.heads()
    for task, head in now.items():
        known = state.presses.get(task, "")
        if known == head:
            continue
        follows = not known or champions.repository.is_ancestor(known, head)
        new = list(presses(champions, task, head, known if follows else ""))
        found += [_told(writing, press) for press in (new if follows else new[-1:])]
    state.presses = now
    return found


def _told(writing: Writing, press: Press) -> Message:
    ask, task, days = press.ask, press.task, writing.settings.request_days
    event, severity = _EVENTS[press.pressed]
    title, sentence, advice, at = "", "", "", ask.asked_at
    match press.pressed:
        case Pressed.ASKED:
            is_new = ask.turn is Turn.PROMOTED
            title = f"{press.by} asks " + (f"for {ask.tag}" if is_new else f"to go back to {ask.tag}")
            sentence = f"{press.by} asks that {ask.tag} be champion of {task}{'' if is_new else ' again'}: {press.why}"
            advice = (
                f"Another person answers within {days} days: anna approve {task} --why … or anna decline {task} "
                "--why …, or in the UI: Jobs → promote → the arrow beside Materialize → Open launchpad."
            )
        case Pressed.DECLINED:
            title = f"{press.by} declines {ask.tag}"
            sentence = f"{press.by} declines {ask.tag}, which {ask.asked_by} asked for: {press.why}"
        case Pressed.PROMOTED | Pressed.ROLLED_BACK:
            title = f"{ask.tag} is {press.pressed.value} by {press.by}"
            sentence = f"{ask.tag} is champion of {task}, instead of {ask.instead_of or 'nobody'}: {press.why}"
            advice = "It scores the newest complete period by itself."
    if isinstance(ask, Champion):
        at = ask.since
        if ask.before:
            advice += f" To go back to {ask.before}: anna rollback {task} --why …"
        if ask.approved_by:
            sentence += f" {ask.approved_by} approved: {ask.approved_why}"
    facts = {"launch": ask.tag, "instead of": ask.instead_of, "by": press.by, "result": writing.result(ask.tag)}
    facts |= {"approved by": ask.approved_by} if isinstance(ask, Champion) else {}
    facts |= {"passed over": "; ".join(f"{gate}: {reason}" for gate, reason in ask.overridden.items())}
    return Message(
        event=event,
        severity=severity,
        task=task,
        owner=writing.owner(task),
        title=f"ANNA: {title}",
        sentence=sentence,
        facts=facts,
        page=writing.asset_page("champion", task),
        advice=advice,
        at=at,
    )
