"""Where a source lies."""

import os
from pathlib import Path

from anna_core.domains import Domain
from anna_core.errors import SourceError


def source_path(domain: Domain, home: Path) -> Path:
    """Where the domain's table lies: `$NAME` is taken from the environment, relative paths start at ANNA_HOME.

    Raises:
        SourceError: the environment lacks a name.
    """
    path = os.path.expandvars(domain.source.path)
    if "$" in path:
        raise SourceError(
            f"domain {domain.name}: source.path '{domain.source.path}' names a variable that is not set. "
            f"Set it where `anna up` is started, or write the path itself into {domain.name}.yaml."
        )
    return Path(os.path.realpath(home / Path(path).expanduser()))  # which a link to itself does not upset
