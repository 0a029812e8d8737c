"""What goes wrong in the libraries that read lakes' tables, told apart from faults of ANNA's own code.

These libraries raise whatever they meet: errors of their own, of JSON and Avro, of the system, panics. So an error is
known by where it comes from, not by its kind.
"""

import re

from anna_core.sources.plain_names import really_named

CURE = (
    "If it stays so when nobody writes the table any more, bring the table back to a state in which it can be read, "
    "or write it anew."
)

_LIBRARIES = ("deltalake", "pyiceberg", "polars.io.delta", "polars.io.iceberg")
_HEADING = re.compile(r"\d+ validation errors? for ")  # after which pydantic tells what is wrong, and shows it behind [


def of_lake_library(error: BaseException) -> bool:
    """Whether an error, or a panic, was raised inside a library for lakes' tables.

    What Python says of a wrong call of theirs is raised by the caller, and is none.
    """
    if not (isinstance(error, Exception) or type(error).__name__ == "PanicException"):
        return False  # as an interrupt, which may come anywhere
    step = error.__traceback__
    while step is not None:
        module = step.tb_frame.f_globals.get("__name__", "")
        if any(module == library or module.startswith(f"{library}.") for library in _LIBRARIES):
            return True
        step = step.tb_next
    return False


def reason(error: BaseException) -> str:
    """What an error of a library says, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if len(lines) > 1 and _HEADING.match(lines[0]):
        lines = [lines[1].partition(" [")[0]]
    return really_named(lines[0]).rstrip(".") if lines else type(error).__name__
