"""Settings that people write into YAML: models that refuse what they do not know, and what is said of a mistake."""

import datetime as dt

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

_SHOWN = 200  # characters of a value in a message


class Strict(BaseModel):
    """Base of settings: a name that is not one of theirs is refused, and nothing is changed once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def explain(error: ValidationError, whole: str) -> str:
    """Every mistake as `place.setting: what is wrong with it`; `whole` stands for the place of all of it."""
    return "; ".join(f"{'.'.join(map(str, item['loc'])) or whole}: {_cure(item)}" for item in error.errors())


def _cure(item: ErrorDetails) -> str:
    match item["type"]:
        case "missing":
            return "is missing; add it"
        case "extra_forbidden":
            return "is not a known setting; remove it or correct its spelling"
        case "string_pattern_mismatch":
            return f"should look like {item['ctx']['pattern']} (found {_found(item['input'])})"
        case "string_type" if isinstance(item["input"], bool | int | float | dt.date):
            return f"is read as {item['input']!r}, not as text; put it in quotes"
        case _:
            return f"{item['msg'].removeprefix('Value error, ')} (found {_found(item['input'])})"


def _found(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
