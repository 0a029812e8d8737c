"""Print docs/errors.md."""

from anna_tests.cases.page import page

print(page(), end="")
