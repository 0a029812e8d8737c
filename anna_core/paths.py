"""Paths as text for people."""

import os
from pathlib import Path


def shown(path: str | Path) -> str:
    """A path as text that can be stored anywhere, whatever bytes it consists of."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
