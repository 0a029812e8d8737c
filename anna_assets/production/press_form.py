"""A press, as the Launchpad asks for it."""

from collections.abc import Mapping
from enum import Enum

import dagster as dg
from pydantic import Field

from anna_core.analytics.gates import QUESTIONS, Gate
from anna_core.errors import AnnaError
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


class PressForm(dg.Config):
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


def signed(config: PressForm) -> tuple[str, str]:
    """Who presses, and why."""
    who, why = person(config.who), sentence(config.why, "`why`")
    if not why:
        raise PressError("`why` is missing: say in a sentence why you press, which stays on record.")
    return who, why


def passed_over(wanted: Mapping[str, str], found: list[Gate]) -> dict[str, str]:
    """The gates that did not pass and are passed over, with the reasons."""
    if unknown := sorted(set(wanted) - set(QUESTIONS)):
        raise PressError(f"There is no gate {', '.join(unknown)}; there are: {', '.join(QUESTIONS)}.")
    if empty := sorted(name for name, reason in wanted.items() if not reason.strip()):
        raise PressError(f"To pass over {', '.join(empty)} takes a reason, which stays on record.")
    reasons = {name: sentence(reason, f"`override` of {name}") for name, reason in wanted.items()}
    return {gate.name: reasons[gate.name] for gate in found if not gate.passed and gate.name in reasons}
