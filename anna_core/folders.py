"""Looking at files and folders of the bank's, so that nothing is passed over without a word."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from anna_core.errors import AnnaError
from anna_core.file_names import shown

_LEADS_NOWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


class UnseenError(AnnaError):
    """Something cannot be looked at; who knows what it belongs to adds that to the message."""


def walk(folder: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Yield all files, and links to folders, with the parts of their paths below the folder.

    Raises:
        UnseenError: ANNA may not look into a folder.
    """

    def refuse(error: OSError) -> None:
        if error.errno in _LEADS_NOWHERE:
            return  # a writer has just moved it, or nothing is there
        cure = right_to_read(Path(error.filename))
        raise UnseenError(f"{shown(error.filename)} cannot be looked into: {error.strerror}. {cure}") from error

    for place, folders, files in os.walk(folder, onerror=refuse):
        here = Path(place)
        links = [name for name in folders if os.path.islink(here / name)]  # which no missing right upsets
        for name in (*files, *links):
            yield here / name, (*here.relative_to(folder).parts, name)


def status(path: Path) -> os.stat_result | None:
    """What the system says of a file, where it is a link of the one that it leads to; None where it leads nowhere.

    Raises:
        UnseenError: ANNA may not look at it.
    """
    try:
        return path.stat()
    except OSError as error:
        if error.errno in _LEADS_NOWHERE:
            return None
        raise UnseenError(f"{shown(path)} cannot be looked at: {error.strerror}. {right_to_read(path)}") from error


def is_folder(path: Path) -> bool:
    """Whether a path is a folder, or a link to one. Raises as `status` does."""
    found = status(path)
    return found is not None and stat.S_ISDIR(found.st_mode)


def right_to_read(path: Path) -> str:
    """A sentence that says which right ANNA lacks: to read a path, or to enter the first folder on the way there."""
    closed = next((folder for folder in reversed(path.parents) if not os.access(folder, os.X_OK)), None)
    wanted = "read it" if closed is None else f"enter the folder {shown(closed)}"
    return f"Give ANNA's user the right to {wanted}."


def is_hidden(parts: tuple[str, ...]) -> bool:
    """Whether the parts of a path lead to what a writer has not finished, or a person has put out of sight."""
    return any(part.startswith((".", "_")) for part in parts)


def why_no_file(found: os.stat_result) -> str | None:
    """Why nothing can be read by a name, whatever it is called; None where it is a file."""
    if stat.S_ISDIR(found.st_mode):
        return "is a link to a folder; links are not followed"
    return None if stat.S_ISREG(found.st_mode) else "is a pipe, a socket or a device, not a file"
