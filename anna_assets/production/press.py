"""A press: what the Launchpad asks for, and what that comes to as things stand."""

import datetime as dt
from collections.abc import Mapping
from enum import Enum

import dagster as dg
from pydantic import Field

from anna_core.analytics.gates import QUESTIONS, Gate
from anna_core.errors import AnnaError
from anna_resources.ledger.champions import Ask, Champion, Turn
from anna_resources.ledger.presses import why_ended
from anna_resources.settings import Settings
from anna_resources.who import person, sentence


class PressError(AnnaError):
    """A press cannot be done."""


class Button(Enum):
    """What is pressed."""

    PROMOTE = "promote"
    APPROVE = "approve"
    DECLINE = "decline"
    ROLLBACK = "rollback"
    CHALLENGE = "challenge"
    STAND_DOWN = "stand down"


class Press(dg.Config):
    """A press; the Launchpad shows these descriptions."""

    press: Button = Field(
        default=Button.PROMOTE,
        description="PROMOTE makes a launch the champion or, where two persons are needed, asks for that. APPROVE and "
        "DECLINE answer what another person asked for. ROLLBACK goes back to the champion before. CHALLENGE lets a "
        "launch score along with the champion, without being published; STAND_DOWN ends that.",
    )
    who: str = Field(default="", description="Your name, which stays on record. Needed.")
    why: str = Field(default="", description="Why, in a sentence, which stays on record. Needed.")
    tag: str = Field(
        default="",
        description="PROMOTE and CHALLENGE: the launch, as its tag in the ledger says, such as churn.2024q1; the "
        "task's newest where empty. APPROVE and DECLINE: what you think is asked for; not looked at where empty.",
    )
    override: dict[str, str] = Field(
        default={},
        description="Gate that does not pass → why it may be passed over, which stays on record. "
        f"There are: {', '.join(QUESTIONS)}. Example: {{not_worse: the champion knew the rows of 2023}}.",
    )


def signed(config: Press) -> tuple[str, str]:
    """Who presses, and why."""
    who, why = person(config.who), sentence(config.why, "`why`")
    if not why:
        raise PressError("`why` is missing: say in a sentence why you press, which stays on record.")
    return who, why


def asked(config: Press, who: str, why: str, task: str, now: Champion | None, request: Ask | None, newest: str) -> Ask:
    """What a press asks for, before its gates are known."""
    champion = now.tag if now else ""
    if config.press is Button.APPROVE and request is not None:
        if request.instead_of != champion:
            raise PressError(
                f"{request.tag} was to follow {request.instead_of or 'nobody'}, but {champion or 'nobody'} is champion "
                "now: let it be asked for again."
            )
        return request
    turn, tag = Turn.PROMOTED, config.tag.strip() or newest
    if config.press is Button.ROLLBACK:
        if now is None or not now.before:
            raise PressError(f"{champion or task} has no champion before it: there is nothing to go back to.")
        turn, tag = Turn.ROLLED_BACK, now.before
    check_tag(tag, task, champion)
    asked_at = dt.datetime.now(tz=dt.UTC).replace(microsecond=0)
    return Ask(
        tag=tag, turn=turn, asked_by=who, asked_at=asked_at, why=why, gates={}, overridden={}, instead_of=champion,
        newest=newest,
    )  # fmt: skip


def check_tag(tag: str, task: str, champion: str) -> None:
    """Refuse a launch that cannot become champion of a task, or score along with `champion`, its tag."""
    if not tag:
        raise PressError(f"{task} has no launch: submit a sample first.")
    if tag.partition(".")[0] != task:
        raise PressError(f"{tag} is no launch of {task}: choose the partition {tag.partition('.')[0]}, or another tag.")
    if tag == champion:
        raise PressError(f"{tag} is champion already.")


def open_request(task: str, request: Ask | None, tag: str, settings: Settings, newest: str) -> Ask:
    """The open request of a task.

    Raises:
        PressError: there is none, it is of another launch, or it has ended.
    """
    if request is None:
        raise PressError(f"Nothing is asked for {task}: somebody presses PROMOTE first.")
    if tag.strip() not in ("", request.tag):
        raise PressError(f"{request.tag} is asked for, not {tag.strip()}: look again.")
    if ended := why_ended(request, newest, settings.request_days):
        raise PressError(f"The request for {request.tag} has ended{ended}: ask again.")
    return request


def passed_over(wanted: Mapping[str, str], found: list[Gate]) -> dict[str, str]:
    """The gates that did not pass and are passed over, with the reasons."""
    if unknown := sorted(set(wanted) - set(QUESTIONS)):
        raise PressError(f"There is no gate {', '.join(unknown)}; there are: {', '.join(QUESTIONS)}.")
    if empty := sorted(name for name, reason in wanted.items() if not reason.strip()):
        raise PressError(f"To pass over {', '.join(empty)} takes a reason, which stays on record.")
    reasons = {name: sentence(reason, f"`override` of {name}") for name, reason in wanted.items()}
    return {gate.name: reasons[gate.name] for gate in found if not gate.passed and gate.name in reasons}


def no_candidate(tag: str, removed: str) -> str:
    """Say that nothing is kept of a launch; `removed` says why, where it was removed."""
    if removed:
        return f"{tag}: {removed}"
    return f"{tag} is no launch whose models are kept: see `anna champions`, or whether its launch has come to its end."
