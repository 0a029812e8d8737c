"""Names of columns that are there but for letter case or padding: `CLIENT_ID` where `client_id` is asked for.

Which of two such columns is meant nobody knows, so none is taken silently; but people are told.
"""

from collections.abc import Iterable


def near_names(wanted: Iterable[str], there: Iterable[str]) -> dict[str, str]:
    """Each wanted name that one column alone equals but for letter case and padding → that column."""
    by_letters: dict[str, list[str]] = {}
    for name in there:
        by_letters.setdefault(_letters(name), []).append(name)
    found = {name: by_letters.get(_letters(name), []) for name in wanted}
    return {name: columns[0] for name, columns in found.items() if len(columns) == 1}


def _letters(name: str) -> str:
    return name.strip().casefold()
