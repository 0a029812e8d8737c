"""The page docs/errors.md: every refusal of the corpus, as a user sees it."""

from collections.abc import Callable

from anna_tests.cases import samples

_HEAD = """\
# What ANNA says of data that it cannot use

Made by `python -m anna_tests.cases > docs/errors.md`; a test holds this page to the code. Each message stands in the
run that failed; what the first rows of a source's files show, `anna doctor` says, too.
"""


# Each part is a function that returns its text.
PARTS: list[Callable[[], str]] = [samples.sample_refusals]


def page() -> str:
    """The whole page."""
    return _HEAD + "".join(part() for part in PARTS)
