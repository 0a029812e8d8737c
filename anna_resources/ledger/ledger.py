"""What the ledger says of launches: what each was made from, and what came of it.

`main` holds what all tasks share: the domains, the settings that decide scores, and the version of the code. Each task
has a branch, made from it, which begins with the task's parameters. A launch is a commit there, with the tag
`<task>.<sample>`; one that comes again has `<task>.<sample>@2`, and so on (git allows no tag below another).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from anna_core.domains import Domain
from anna_core.strict import explain
from anna_core.tasks.task import Task
from anna_resources.ledger.repository import MAIN, TASKS, Change, LedgerError, Repository
from anna_resources.settings import Settings

_TASK_FILE, _LAUNCH_FILE, _RESULT_FILE, _IMAGE_FILE = "task.yaml", "launch.yaml", "result.yaml", "image.yaml"
_LAUNCHES = "launches"
_SHARED = ("time_zone", "left_aside")  # settings that decide what models see


class Launch(BaseModel):
    """What a launch is made from.

    Attributes:
        tag: its name in the ledger.
        run: id of the first of its Dagster runs.
        content: digest of the file that was uploaded, and of what was said of it.
        rows: digest of its rows, with their targets, splits and folds.
        task: the task, with nothing left open.
        marts: domain → key of each month that its rows may see → fingerprint of the rows that the month was built from.
        code: version of the code.
    """

    model_config = ConfigDict(frozen=True)

    tag: str = ""
    run: str
    content: str
    rows: str
    task: Task
    marts: dict[str, dict[str, str]]
    code: str


@dataclass(frozen=True)
class Ledger:
    """A deployment's ledger.

    Attributes:
        repository: where it is kept.
        settings: of the deployment.
    """

    repository: Repository
    settings: Settings

    @classmethod
    def of(cls, settings: Settings) -> "Ledger":
        """The ledger of a deployment."""
        return cls(Repository.of(settings), settings)

    def begin(self, key: str, launch: Launch, domains: list[Domain]) -> str:
        """Record a launch, unless one of its runs has; return its tag.

        Args:
            key: of the sample, `<task>.<sample>`.
            launch: what it is made from, without a tag.
            domains: the domains that it was planned with.

        Raises:
            LedgerError: the ledger was rewritten.
            GitError: git fails; nothing is recorded then.
        """
        self._share(launch.code, domains)
        branch = branch_of(launch.task.name)
        self.repository.commit(branch, lambda head: _parameters(launch.task))
        tags: list[str] = []

        def make(head: str | None) -> Change | None:
            if head and (same := self._made_by(launch.run, head, key)):
                tags.append(same)
                return None
            before = self.tags(key)
            tags.append(f"{key}@{_number(before[-1]) + 1}" if before else key)
            told = launch.model_copy(update={"tag": tags[0]})
            folder = _folder(tags[0])
            files: dict[str, str | None] = {f"{folder}/{_LAUNCH_FILE}": _as_yaml(told.model_dump(mode="json"))}
            files |= {f"{folder}/domains/{one.name}.yaml": _as_yaml(one.model_dump(mode="json")) for one in domains}
            return Change(files, f"Launch {tags[0]}\n\nrun {launch.run}", by=launch.task.owner, tag=tags[0])

        self.repository.commit(branch, make)
        return tags[0]

    def finish(self, tag: str, result: Mapping[str, Any], in_brief: str) -> None:
        """Record what came of a launch; what was recorded before stays in the history.

        Args:
            tag: of the launch.
            result: all that is to be kept.
            in_brief: the figure that it comes to, in a few words, which the log shows.

        Raises:
            LedgerError, GitError: as of `begin`.
        """
        text = _as_yaml(dict(result))
        change = Change({f"{_folder(tag)}/{_RESULT_FILE}": text}, f"Result of {tag}: {in_brief}")
        self.repository.commit(branch_of(tag.partition(".")[0]), lambda head: change)

    def record_image(self, tag: str, image: Mapping[str, Any]) -> None:
        """Record the image that was made of a launch; errors as of `begin`."""
        change = Change({f"{_folder(tag)}/{_IMAGE_FILE}": _as_yaml(dict(image))}, f"Image of {tag}: {image['digest']}")
        self.repository.commit(branch_of(tag.partition(".")[0]), lambda head: change)

    def tags(self, key: str) -> list[str]:
        """Tags of a sample's launches, the earliest first, even of one whose tag or branch was removed."""
        head = self.repository.head(branch_of(key.partition(".")[0]))
        found = {*self.repository.tags(key), *self.repository.tags(f"{key}@*")}
        found |= set(self.repository.folders(head, _LAUNCHES) if head else ())
        ours = (tag for tag in found if tag == key or tag.removeprefix(f"{key}@").isdecimal())
        return sorted(ours, key=_number)

    def read(self, tag: str) -> Launch:
        """What a launch was made from.

        Raises:
            LedgerError: there is no such launch, or another version of ANNA recorded it.
        """
        commit = self.repository.tagged(tag)
        text = self.repository.read(commit, f"{_folder(tag)}/{_LAUNCH_FILE}") if commit else None
        if text is None:
            raise LedgerError(f"The ledger {self.repository.folder} has no launch {tag}.")
        try:
            return Launch.model_validate(yaml.safe_load(text))
        except ValidationError as error:
            raise LedgerError(
                f"{tag} in the ledger {self.repository.folder} cannot be read: {explain(error, _LAUNCH_FILE)}"
            ) from error

    def domains(self, tag: str) -> list[Domain]:
        """The domains that a launch was planned with.

        Raises:
            LedgerError: there is no such launch, or another version of ANNA recorded it.
        """
        commit, folder = self.repository.tagged(tag), f"{_folder(tag)}/domains"
        if commit is None:
            raise LedgerError(f"The ledger {self.repository.folder} has no launch {tag}.")
        texts = (self.repository.read(commit, path) for path in self.repository.paths(commit, folder))
        try:
            return [Domain.model_validate(yaml.safe_load(text)) for text in texts if text is not None]
        except ValidationError as error:
            raise LedgerError(
                f"Domains of {tag} in the ledger {self.repository.folder} cannot be read: {explain(error, 'domain')}"
            ) from error

    def result(self, tag: str) -> dict[str, Any] | None:
        """What came of a launch; None while nothing has."""
        head = self.repository.head(branch_of(tag.partition(".")[0]))
        text = self.repository.read(head, f"{_folder(tag)}/{_RESULT_FILE}") if head else None
        return None if text is None else dict(yaml.safe_load(text))

    def owner(self, task: str) -> str:
        """The owner of a task, as its last launch said; empty where it has none."""
        head = self.repository.head(branch_of(task))
        text = self.repository.read(head, _TASK_FILE) if head else None
        return "" if text is None else str(yaml.safe_load(text)["owner"])

    def tag_of(self, key: str, run: str) -> str:
        """Tag of the launch of a sample that a run, or one that it is a retry of, began; empty where it began none."""
        head = self.repository.head(branch_of(key.partition(".")[0]))
        return (self._made_by(run, head, key) or "") if head else ""

    def _made_by(self, run: str, head: str, key: str) -> str | None:
        """The launch of a sample that a run, or one that it is a retry of, has recorded; None if it has none."""
        for tag in reversed(self.tags(key)):
            text = self.repository.read(head, f"{_folder(tag)}/{_LAUNCH_FILE}")
            if text is not None and yaml.safe_load(text).get("run") == run:
                return tag
        return None

    def _share(self, code: str, domains: list[Domain]) -> None:
        """Bring `main` up to date with what all tasks share."""
        known = self.settings.model_dump(mode="json", include=set(_SHARED))
        files = {"settings.yaml": _as_yaml(known), "code.yaml": _as_yaml({"version": code})}
        files |= {f"domains/{domain.name}.yaml": _as_yaml(domain.model_dump(mode="json")) for domain in domains}

        def make(head: str | None) -> Change:
            gone = [path for path in (self.repository.paths(head, "domains") if head else []) if path not in files]
            return Change(files | dict.fromkeys(gone), "What all tasks share")

        self.repository.commit(MAIN, make)


def branch_of(task: str) -> str:
    """The branch of a task."""
    return f"{TASKS}{task}"


def _parameters(task: Task) -> Change:
    told = {"type": task.type.value, "metric": task.metric, "owner": task.owner}
    return Change({_TASK_FILE: _as_yaml(told)}, f"Task {task.name}", by=task.owner)


def _folder(tag: str) -> str:
    return f"{_LAUNCHES}/{tag}"


def _number(tag: str) -> int:
    """Which of a sample's launches a tag is of."""
    return int(tag.partition("@")[2] or 1)


def _as_yaml(content: dict[str, Any]) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
