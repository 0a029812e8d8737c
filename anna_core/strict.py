"""Settings that people write into YAML: models that refuse what they do not know, and what is said of a mistake."""

import datetime as dt
import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails

_SHOWN = 200  # characters of a value in a message
_TELLING = 3  # letters; a part of a name that is shorter tells nothing


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


def nearest(name: str, among: Collection[str]) -> str:
    """Which of these names may be meant by one that is none of them; empty where nothing is like it."""
    small = name.lower()
    holding = [known for known in among if small in known] if len(small) >= _TELLING else []
    return next(iter(holding or get_close_matches(small, among, n=1)), "")


def explain(
    error: ValidationError, whole: str, model: type[BaseModel] | None = None, untold: tuple[str, ...] = ()
) -> str:
    """Every mistake as `place.setting: what is wrong with it`.

    Args:
        error: what pydantic found.
        whole: stands for the place of all of it.
        model: whose settings they are; by it the message names the one that may be meant by a name that there is not.
        untold: path of the setting that holds secrets: what is found there, or around it, is not told.
    """
    items = [_without_secrets(item, untold) if untold else item for item in error.errors()]
    return "; ".join(
        f"{'.'.join(map(str, item['loc'])) or whole}: {_cure(item)}{_meant(item, model)}" for item in items
    )


class _Untold:
    """Stands for a value in a message."""

    def __repr__(self) -> str:
        return "****"


def _without_secrets(item: ErrorDetails, untold: tuple[str, ...]) -> ErrorDetails:
    """A mistake without the value, where that is a secret or holds one; nor is the address told that a name is."""
    path = item["loc"]
    place = tuple(re.sub(r"(?<=://).*", "…", part) if isinstance(part, str) else part for part in path)
    item = {**item, "loc": place}
    return {**item, "input": _Untold()} if path and path[: len(untold)] == untold[: len(path)] else item


def _meant(item: ErrorDetails, model: type[BaseModel] | None) -> str:
    if model is None or item["type"] != "extra_forbidden":
        return ""
    *path, name = map(str, item["loc"])
    if place := next((place for place in all_settings(model) if place.rpartition(".")[2] == name), ""):
        return f": is {place} meant?"
    blocks = [model]
    for part in path:  # what is no field names a member of a union, or a place in a list
        below = [found for block in blocks if part in block.model_fields for found in _blocks(block, part)]
        blocks = below or blocks
    near = nearest(name, [known for block in blocks for known in block.model_fields])
    return f": is {near} meant?" if near else ""


def all_settings(model: type[BaseModel]) -> Iterator[str]:
    """The names of all settings of a model, those in blocks with dots."""
    for name in model.model_fields:
        yield name
        for block in _blocks(model, name):
            yield from (f"{name}.{below}" for below in all_settings(block))


def _blocks(model: type[BaseModel], name: str) -> list[type[BaseModel]]:
    """The models that a setting may hold."""
    kinds = _kinds(model.model_fields[name].annotation)
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]


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
        case "int_parsing":
            return f"should be a whole number (found {_found(item['input'])})"
        case "float_parsing":
            return f"should be a number (found {_found(item['input'])})"
        case "value_error" if isinstance(item["input"], dict):  # of a whole block, which names what is wrong in it
            return item["msg"].removeprefix("Value error, ").rstrip(".")
        case _:
            told, found = item["msg"].removeprefix("Value error, ").rstrip("."), _found(item["input"])
            is_told = isinstance(item["input"], str) and found in told
            return told if is_told else f"{told} (found {found})"


def _found(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
