"""Where a source lies."""

import os
from pathlib import Path

from anna_core.domains import Domain
from anna_core.errors import SourceError


def source_path(domain: Domain, home: Path) -> Path:
    """The absolute path of a domain's table; `$NAME` is an environment variable, relative paths start at ANNA_HOME.

    Raises:
        SourceError: an environment variable is not set.
    """
    path = os.path.expandvars(domain.source.path)
    if "$" in path:
        raise SourceError(
            f"domain {domain.name}: source.path '{domain.source.path}' names a variable that is not set. "
            f"Set it where `anna up` is started, or write the path itself into {domain.name}.yaml."
        )
    return Path(os.path.realpath(home / Path(path).expanduser()))  # which a link to itself does not upset
