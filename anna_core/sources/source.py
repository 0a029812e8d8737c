"""A domain's raw table in the warehouse, as the bank keeps it, and what the deployment says of reading it."""

import os
from dataclasses import dataclass
from pathlib import Path

from anna_core.domains import Domain
from anna_core.errors import SourceError

MOST_LEFT_ASIDE = 0.1  # share of rows; default of the setting `left_aside`


@dataclass(frozen=True)
class Source:
    """A source, to be read through the typed door.

    Attributes:
        domain: the domain, which says where the table lies and what its columns mean.
        home: ANNA_HOME, where relative paths start.
        bank_zone: the bank's time zone, which decides how naive times are read.
        settle: seconds for which a file must not have changed; until then it counts as it was observed before, or not
            at all.
        left_aside: the share of a file's or a month's rows, 0 to 1, that may be left aside for one reason or another.
    """

    domain: Domain
    home: Path
    bank_zone: str
    settle: float
    left_aside: float

    @property
    def path(self) -> Path:
        """The absolute path of the table; `$NAME` in it is an environment variable.

        Raises:
            SourceError: an environment variable is not set, `~name` is nobody's home, or it is a URL.
        """
        domain, said = self.domain, self.domain.source.path
        path = os.path.expandvars(said)
        if "$" in path:
            raise SourceError(
                f"domain {domain.name}: source.path '{said}' names a variable that is not set. "
                f"Set it where `anna up` is started, or write the path itself into {domain.name}.yaml."
            )
        if "://" in path:
            raise SourceError(
                f"domain {domain.name}: source.path '{said}' is a URL, but sources are read from this machine's file "
                f"systems. Mount the storage, or copy the table, and write its path into {domain.name}.yaml."
            )
        try:
            place = self.home / Path(path).expanduser()
        except RuntimeError as error:  # this machine has no such user
            raise SourceError(
                f"domain {domain.name}: source.path '{said}' names nobody's home ({error}). Write the whole path into "
                f"{domain.name}.yaml."
            ) from error
        return Path(os.path.realpath(place))  # which a link to itself does not upset
