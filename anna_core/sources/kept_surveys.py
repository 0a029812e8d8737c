"""The surveys of an observation that is not over yet: if it ends early, the next one reads only the remaining files.

Only observations look at them, so nothing half observed is ever taken for observed.
"""

from pathlib import Path

from pydantic import ValidationError

from anna_core.sources.observed_months import key_name
from anna_core.sources.survey import FileSurvey
from anna_core.storage import write_file

_FOLDER = "read"  # beside the source's state; one file for each file of the source


def kept_survey(folder: Path, name: str, state: str, rules: str) -> FileSurvey | None:
    """What was read of a file in this state, by these rules; None if it is still to be read."""
    try:
        return FileSurvey.model_validate_json(_path(folder, name, state, rules).read_bytes())
    except (FileNotFoundError, ValidationError):  # another version of ANNA may have kept it in another form
        return None


def keep_survey(folder: Path, name: str, state: str, rules: str, survey: FileSurvey) -> None:
    """Store what was read of a file; the identities of its events must be on disk already."""
    with write_file(_path(folder, name, state, rules), among_many=True) as temporary:
        temporary.write_text(survey.model_dump_json(), encoding="utf-8")


def sweep_surveys(folder: Path, kept: set[str]) -> None:
    """Remove all stored surveys except those whose `key_name` is in `kept`; also what killed writers left."""
    for path in (folder / _FOLDER).glob("*.json"):
        if path.stem not in kept:
            path.unlink(missing_ok=True)


def _path(folder: Path, name: str, state: str, rules: str) -> Path:
    return folder / _FOLDER / f"{key_name(name, state, rules)}.json"
