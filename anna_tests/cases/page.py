"""docs/errors.md: each refusal of the corpus as a user sees it."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from anna_tests.cases import samples

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
INTRO = """# What ANNA refuses, and what it says

Made by `python -m anna_tests.cases.page` from the inputs under `anna_tests/cases/`; a test holds this page to the code.
Every message says what is wrong, where, and what to do. Row 1 is the first one below a CSV's header; lines are counted
as an editor does.
"""
# Title → group, what was brought, and what is said of it; a kind of input adds its own.
SECTIONS: dict[str, Callable[[Path], Iterator[tuple[str, str, str]]]] = {"Samples": samples.refusals}


def written() -> str:
    """The page as the code would have it."""
    parts = [INTRO]
    for title, refusals in SECTIONS.items():
        parts.append(f"## {title}\n")
        with tempfile.TemporaryDirectory() as folder:
            groups: dict[str, list[str]] = {}
            for group, told, message in refusals(Path(folder)):
                groups.setdefault(group, []).append(f"**{told}**\n\n```text\n{message}\n```\n")
        parts += [part for group, entries in groups.items() for part in (f"### {group}\n", *entries)]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
