"""Who somebody is. The one place that says so: where a proxy knows better, its header is to be read here.

Until then a name is what the caller claims, and is recorded as claimed.
"""

import getpass
import re
import unicodedata

from anna_core.errors import AnnaError

_LONGEST = 100  # characters
_ODD = re.compile(r"[\x00-\x1f\x7f<>]")
# Signs that show nothing, by which one name could be written as two: Unicode's category of them, and those that it
# counts as letters or marks (fillers, joiners, selectors of a variant). Half a sign (Cs) cannot be written at all.
_UNSEEN = {"Cf", "Cs"}
_UNSEEN_LETTERS = re.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


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
    unseen = _UNSEEN_LETTERS.search(name) or any(unicodedata.category(sign) in _UNSEEN for sign in name)
    if len(name) > _LONGEST or _ODD.search(name) or unseen:
        raise WhoError(
            f"`who` is {name[:_LONGEST]!r}: write a name of at most {_LONGEST} characters, without < and >, nor signs "
            "that cannot be seen."
        )
    return name


def sentence(claimed: str, what: str) -> str:
    """The words that somebody gives for the record, without padding.

    Args:
        claimed: the words.
        what: they are, to be named in an error.

    Raises:
        WhoError: they cannot be written into a ledger.
    """
    if "\0" in claimed or any(unicodedata.category(sign) == "Cs" for sign in claimed):
        raise WhoError(f"{what} holds a NUL or half a sign of Unicode, which no ledger takes: write it anew.")
    return claimed.strip()


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
