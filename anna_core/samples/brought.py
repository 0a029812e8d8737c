"""The settings that a sample is brought with: those beside its file, and over them those that were given with it."""

import os
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from anna_core.errors import SampleError, TaskError
from anna_core.keys import SampleKey
from anna_core.samples.files import local_path, settings_beside
from anna_core.samples.inbox import TASK_FILE, merged, read_settings, request_of, settings_in

_SHOWN = 60  # characters of a value
_LIKE_SETTINGS = (".yaml", ".yml", ".json")

Names = tuple[str, ...]  # that lead to a setting, such as ("training", "epochs")


@dataclass(frozen=True)
class BroughtSettings:
    """What a sample is brought with.

    Attributes:
        options: the settings of the task, as `stage_sample` takes them.
        notes: sentences for whoever brought it: what was read from beside its file, and what no longer holds.
    """

    options: dict[str, object]
    notes: tuple[str, ...] = ()


def brought_settings(origin: str, key: SampleKey, given: dict[str, object], inbox: Path) -> BroughtSettings:
    """Put together the settings of a sample that is brought, as the inbox does with those of a sample that lies in it.

    A file of settings beside the sample's is read, as it is in the inbox; what was given with the sample wins over it.
    Settings of an earlier sample of this key end with it. The caller must hold the sample's `upload_lock`.

    Args:
        origin: path or URL of the sample.
        key: the key that it will have.
        given: the settings that were given with it, checked already.
        inbox: the deployment's inbox.

    Raises:
        SampleError: a file of settings is no YAML.
        TaskError: a setting is wrong.
    """
    beside = settings_beside(origin)
    found = _read(beside) if beside is not None else {}
    options = merged(found, given)
    notes = []
    if found:
        over = dict(_leaves(given))
        used = _told((names, value) for names, value in _leaves(found) if names not in over)
        notes.append(f"{beside} is read as the sample's settings: {used or 'others were given for all of them'}.")
    notes += _not_read(origin, inbox / key.task / TASK_FILE)
    earlier = settings_in(inbox, str(key))
    if lost := _lost(earlier, options, inbox / key.task / TASK_FILE):
        notes.append(
            f"What {earlier.name} said of the earlier sample {key} no longer holds: {lost}. Give it anew if it should."
        )
    return BroughtSettings(options, tuple(notes))


def _read(beside: Path) -> dict[str, object]:
    try:
        return read_settings(beside)
    except (SampleError, TaskError) as error:
        raise type(error)(
            f"{error} Such a file beside a sample holds the sample's settings; if it is something else, move it."
        ) from None


def _not_read(origin: str, task_file: Path) -> list[str]:
    """Sentences on files beside a sample that look as if they held settings of it or its task, and are not read."""
    path, beside = local_path(origin), settings_beside(origin)
    if path is None or beside is None or not os.access(path.parent, os.R_OK):  # what cannot be listed was not meant
        return []
    alike = {f"{name}{ending}".lower() for name in (beside.stem, path.name) for ending in _LIKE_SETTINGS}
    tasks = {f"{Path(TASK_FILE).stem}{ending}" for ending in _LIKE_SETTINGS}
    notes = []
    for file in sorted(path.parent.iterdir()):
        if file in (beside, task_file, path) or not file.is_file():
            continue
        if file.name.lower() in alike:
            notes.append(f"{file} is not read: a sample's settings are read from {beside}. Put there what it says.")
        elif file.name.lower() in tasks:
            notes.append(
                f"{file} is not read: a task's settings are read from {task_file}. Put there what it says, or into "
                f"{beside}, or give it as options."
            )
    return notes


def _lost(earlier: Path, options: dict[str, object], task_file: Path) -> str:
    """The settings of an earlier sample that do not hold of its successor, for people; empty where all do."""
    try:
        before = read_settings(earlier)
    except (SampleError, TaskError) as error:
        return f"it could not be read ({str(error).rstrip('.')})"
    now, said = request_of(task_file, options).model_dump(), dict(_leaves(options))
    return _told((names, value) for names, value in _leaves(before) if names not in said and _at(now, names) != value)


def _leaves(settings: dict[str, object], above: Names = ()) -> Iterator[tuple[Names, object]]:
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*above, name))
        else:
            yield (*above, name), value


def _at(settings: object, names: Names) -> object:
    """The value to which these names lead, as YAML has it."""
    for name in names:
        settings = settings.get(name) if isinstance(settings, dict) else None
    return list(settings) if isinstance(settings, tuple) else settings


def _told(settings: Iterator[tuple[Names, object]]) -> str:
    return ", ".join(f"{'.'.join(names)}: {textwrap.shorten(str(value), _SHOWN)}" for names, value in settings)
