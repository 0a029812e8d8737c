"""Settings that people write into YAML: models that refuse what they do not know, and what is said of a mistake."""

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails


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
            return f"should look like {item['ctx']['pattern']} (found {item['input']!r})"
        case _:
            return f"{item['msg'].removeprefix('Value error, ')} (found {item['input']!r})"
