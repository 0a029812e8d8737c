"""Who somebody is. The one place that says so: where a proxy knows better, its header is to be read here.

Until then a name is what the caller claims, and is recorded as claimed.
"""

import getpass
import re
import unicodedata

from anna_core.errors import AnnaError

_LONGEST = 100  # characters
_ODD = re.compile(r"[\x00-\x1f\x7f<>]")
_UNSEEN = "Cf"  # Unicode's category of signs that show nothing, by which one name could be written as two


class WhoError(AnnaError):
    """Nobody's name is given, or it cannot be written down."""


def person(claimed: str) -> str:
    """The name that somebody gives, without padding.

    Raises:
        WhoError: there is none, or it cannot be written into a ledger.
    """
    name = " ".join(unicodedata.normalize("NFC", claimed).split())
    if not name:
        raise WhoError("`who` is missing: write the name of the person who presses, as in 'anna.ivanova'.")
    if len(name) > _LONGEST or _ODD.search(name) or any(unicodedata.category(sign) == _UNSEEN for sign in name):
        raise WhoError(
            f"`who` is {name[:_LONGEST]!r}: write a name of at most {_LONGEST} characters, without < and >, nor signs "
            "that cannot be seen."
        )
    return name


def same_person(name: str, other: str) -> bool:
    """Whether two names are one person's.

    Letter case, spaces, how Unicode composes or widens a letter, and what follows an @ tell nobody apart.
    """
    return _plain(name) == _plain(other)


def caller() -> str:
    """The name of the person at this terminal, as the system knows it; empty where it knows none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without an entry for this user
        return ""


def _plain(name: str) -> str:
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", " ".join(name.split())).casefold())
    return plain.partition("@")[0] or plain
