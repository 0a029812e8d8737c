"""Where files lie, as the graph's pages tell it to people and to its clients.

A page does not break paths: a long one makes its column wider than the page, and the ends of all else are cut off. So
what lies in the deployment's folder is told as `$ANNA_HOME/…`.
"""

from pathlib import Path, PurePosixPath

HOME = "$ANNA_HOME"


def told_place(path: Path, home: Path) -> str:
    """A path as pages tell it; `home` is the deployment's folder."""
    return str(PurePosixPath(HOME, *path.relative_to(home).parts)) if path.is_relative_to(home) else str(path)


def place_meant(told: str, home: Path) -> Path:
    """The path that `told_place` told; without `$ANNA_HOME` it begins in the same folder, as pages once told it."""
    return home / told.removeprefix(f"{HOME}/")
