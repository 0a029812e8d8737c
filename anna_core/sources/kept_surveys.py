"""Surveys of an observation that is not over: where it ends early, the next one reads only what was not read.

Nothing else looks at them, so what is half observed is never taken for observed.
"""

from pathlib import Path

from pydantic import ValidationError

from anna_core.sources.observed_months import key_name
from anna_core.sources.survey import FileSurvey
from anna_core.storage import write_text

_FOLDER = "read"  # beside the source's state; one file for each file of the source


def kept_survey(folder: Path, name: str, state: str, rules: str) -> FileSurvey | None:
    """What was read of a file in this state by these rules; None where it is yet to be read."""
    try:
        return FileSurvey.model_validate_json(_path(folder, name, state, rules).read_bytes())
    except (FileNotFoundError, ValidationError):  # another version of ANNA may have kept it in another form
        return None


def keep_survey(folder: Path, name: str, state: str, rules: str, survey: FileSurvey) -> None:
    """Keep what was read of a file; the identities of its events are on the disk already."""
    write_text(_path(folder, name, state, rules), survey.model_dump_json())


def sweep_surveys(folder: Path, kept: set[str]) -> None:
    """Forget all but those of these `key_name`s: files are gone or changed, or the observation is over."""
    for path in (folder / _FOLDER).glob("*.json"):
        if path.stem not in kept:
            path.unlink(missing_ok=True)


def _path(folder: Path, name: str, state: str, rules: str) -> Path:
    return folder / _FOLDER / f"{key_name(name, state, rules)}.json"
