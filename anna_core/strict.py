"""Settings that people write into YAML: models that refuse what they do not know, and what is said of a mistake."""

import datetime as dt
from enum import StrEnum
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails

_SHOWN = 200  # characters of a value in a message


class Strict(BaseModel):
    """Base of settings: a name that is not one of theirs is refused, and nothing is changed once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _number_is_no_answer(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse `yes` where a number belongs: Python takes it for 1."""
        kinds = _kinds(cls.model_fields[info.field_name or ""].annotation)
        if isinstance(value, bool) and bool not in kinds and kinds & {int, float}:
            raise ValueError("should be a number")
        return value


def _kinds(annotation: Any) -> set[Any]:
    """The plain types that an annotation names, in whatever unions."""
    parts = get_args(annotation)
    return set().union(*map(_kinds, parts)) if parts else {annotation}


def settings_there_are(model: type[Strict]) -> str:
    """The names of all settings of a model, each with its possible words where only a few are possible."""
    return ", ".join(_setting(name, field.annotation) for name, field in model.model_fields.items())


def _setting(name: str, annotation: Any) -> str:
    kinds = _kinds(annotation)
    for kind in kinds:
        if isinstance(kind, type) and issubclass(kind, Strict):
            return f"{name}: {{{settings_there_are(kind)}}}"
    words: list[str] = [word for kind in kinds if isinstance(kind, type) and issubclass(kind, StrEnum) for word in kind]
    words += [kind for kind in kinds if isinstance(kind, str)]
    return f"{name} ({', '.join(sorted(words))})" if words else name


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
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"should hold settings of its own, as in {{name: value}} (found {_found(item['input'])})"
        case "tuple_type" | "list_type":
            return f"should be a list, as in [a, b] (found {_found(item['input'])})"
        case _:
            told, found = item["msg"].removeprefix("Value error, ").rstrip("."), _found(item["input"])
            is_told = isinstance(item["input"], str) and found in told
            return told if is_told else f"{told} (found {found})"


def _found(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
