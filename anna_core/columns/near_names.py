"""Names of columns that are there but for letter case or padding: `CLIENT_ID` where `client_id` is asked for.

Nor do Cyrillic letters that look like Latin ones make another name to whoever reads it: `МСС` for `MCC`. Which of two
such columns is meant nobody knows, so none is taken silently; but people are told.
"""

from collections.abc import Iterable, Mapping

# Cyrillic letters, as capitals or small ones, and the Latin ones that they look like.
_ALIKE = dict(zip("авекмнорстухѕіј", "abekmhopctyxsij", strict=True))
_TO_LATIN = str.maketrans(_ALIKE)


def near_names(wanted: Iterable[str], there: Iterable[str]) -> dict[str, str]:
    """Each wanted name that one column alone equals but for letter case, padding and alphabets → that column."""
    by_letters: dict[str, list[str]] = {}
    for name in there:
        by_letters.setdefault(_letters(name), []).append(name)
    found = {name: by_letters.get(_letters(name), []) for name in wanted}
    return {name: columns[0] for name, columns in found.items() if len(columns) == 1}


def what_differs(near: Mapping[str, str]) -> str:
    """A clause that says why names that seem to be there are not.

    Args:
        near: as `near_names` returns it, not empty.
    """
    for wanted, there in near.items():
        for of_wanted, letter in zip(wanted.strip(), there.strip(), strict=False):
            if of_wanted.casefold() != letter.casefold() and _letters(of_wanted) == _letters(letter):
                return f"{_told(letter, there)}, but {_told(of_wanted, wanted)}"
    return "letter case and padding count"


def _told(letter: str, name: str) -> str:
    return f"the {letter} in {name!r} is {'Cyrillic' if letter.casefold() in _ALIKE else 'Latin'}"


def _letters(name: str) -> str:
    return name.strip().casefold().translate(_TO_LATIN)
