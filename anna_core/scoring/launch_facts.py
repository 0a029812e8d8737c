"""What is known of a launch besides its models: `launch.json` in its folder, which is read without loading any."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from anna_core.domains import Domain
from anna_core.errors import ArtifactError
from anna_core.forms import origin_of
from anna_core.strict import explain
from anna_core.tasks.task import Task

FACTS = "launch.json"
FORM = 1  # of launch.json; to be raised whenever a folder that was written before can no longer be read


class LaunchFacts(BaseModel):
    """What is known of a launch besides its models.

    Attributes:
        form: of what is written.
        tag: its name in the ledger.
        task: the task, with nothing left open.
        domains: those that its models read, as they were at training.
        time_zone: the bank's, in which the day of an as_of begins.
        marts: domain → key of each month that its rows may see → fingerprint of the rows it was built from.
        code: version of the code that trained it.
    """

    model_config = ConfigDict(frozen=True)

    form: int = FORM
    tag: str
    task: Task
    domains: tuple[Domain, ...]
    time_zone: str
    marts: dict[str, dict[str, str]]
    code: str

    def domain(self, name: str) -> Domain:
        """The domain of this name, as it was at training."""
        return next(domain for domain in self.domains if domain.name == name)


def read_facts(folder: Path) -> LaunchFacts:
    """What a launch's folder says of it, without loading its models.

    Raises:
        ArtifactError: as of `LaunchModel.load`.
    """
    try:
        content = (folder / FACTS).read_bytes()
        found = _Form.model_validate_json(content).form
        if found != FORM:
            raise ArtifactError(f"{folder}: was kept by {origin_of(found, FORM)}; train the task again.")
        return LaunchFacts.model_validate_json(content)
    except (OSError, ValidationError) as error:
        reason = explain(error, FACTS) if isinstance(error, ValidationError) else error
        raise ArtifactError(
            f"{folder}: this is no launch that ANNA can read ({reason}). Train the task again."
        ) from error


def write_facts(folder: Path, facts: LaunchFacts) -> None:
    """Write what is known of a launch into its folder."""
    (folder / FACTS).write_text(facts.model_dump_json(indent=1), encoding="utf-8")


class _Form(BaseModel):
    """The form of a `launch.json`, whatever version wrote it."""

    form: Any = None
