"""Names of files as text. On Linux they are bytes, and not all of them are UTF-8."""

import os
from pathlib import Path


def shown(path: str | Path) -> str:
    """A path as text that can be stored anywhere, whatever bytes it is made of."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def is_garbled(name: str) -> bool:
    """Whether a name is not UTF-8: neither a key nor a table nor a message could hold it as it is."""
    return shown(name) != name
