"""Whether a variable of the environment is meant for a setting, but misspelt: such a one is read by nobody."""

import os
from collections.abc import Iterator

from anna_cli.supervisor.leftovers import MARK
from anna_core.strict import nearest
from anna_resources.settings import HANDED_ON, Limits, Settings

_PREFIX = "ANNA_"
_NAMES = [*Settings.model_fields, *(f"limits__{name}" for name in Limits.model_fields)]


def misspelt_variables() -> Iterator[tuple[str, str]]:
    """Each variable that no setting has the name of, and the one that may be meant; the bank's own are passed over."""
    for name in sorted(os.environ):
        setting = name.upper().removeprefix(_PREFIX).lower()
        if not name.upper().startswith(_PREFIX) or name in (MARK, HANDED_ON) or setting in _NAMES:
            continue
        if near := nearest(setting, _NAMES):
            yield name, f"{_PREFIX}{near.upper()}"
