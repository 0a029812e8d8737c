"""What `anna.yaml` says of messages: who is told, where, and of what."""

import datetime as dt
from enum import StrEnum

from pydantic import Field, SecretStr, field_serializer, field_validator

from anna_core.durations import Duration
from anna_core.strict import Strict

EVERYBODY = "all"  # in place of an owner


class Event(StrEnum):
    """What somebody may be told of."""

    LAUNCH_ENDED = "launch_ended"
    LAUNCH_FAILED = "launch_failed"
    APPROVAL_ASKED = "approval_asked"
    PROMOTED = "promoted"
    DECLINED = "declined"
    ROLLED_BACK = "rolled_back"
    SCORING_FAILED = "scoring_failed"
    SCORED_LATE = "scored_late"
    DRIFT = "drift"


class Notify(Strict):
    """Who is told of what.

    Attributes:
        to: owner of tasks, or `all` → the addresses to which apprise sends what concerns these tasks. `${NAME}` in one
            stands for a variable of the environment.
        events: what is told.
        late: a period is scored late once it could have been scored for so long.
    """

    to: dict[str, tuple[SecretStr, ...]] = Field(default={})
    events: tuple[Event, ...] = tuple(Event)
    late: Duration = dt.timedelta(days=1)

    @field_validator("to", mode="before")
    @classmethod
    def _one_needs_no_list(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {owner: [told] if isinstance(told, str | SecretStr) else told for owner, told in value.items()}

    @field_validator("to")
    @classmethod
    def _addresses_say_something(cls, to: dict[str, tuple[SecretStr, ...]]) -> dict[str, tuple[SecretStr, ...]]:
        if empty := [
            owner for owner, addresses in to.items() if any(not one.get_secret_value().strip() for one in addresses)
        ]:
            raise ValueError(f"an address of {', '.join(empty)} is empty: take it out, or write one of apprise's")
        return to

    @field_serializer("to", when_used="json")
    def _handed_on(self, to: dict[str, tuple[SecretStr, ...]]) -> dict[str, list[str]]:
        """The addresses as they are: other processes of the deployment read them (`settings.hand_on`)."""
        return {owner: [address.get_secret_value() for address in addresses] for owner, addresses in to.items()}
