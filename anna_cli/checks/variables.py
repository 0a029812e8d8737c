"""Whether a variable of the environment is meant for a setting, but misspelt: such a one is read by nobody."""

import os
from collections.abc import Iterator

from anna_cli.supervisor.leftovers import MARK
from anna_core.strict import all_settings, nearest
from anna_resources.notifications.addresses import all_addresses
from anna_resources.settings import HANDED_ON, Settings

_PREFIX = "ANNA_"
_NAMES = [place.replace(".", "__") for place in all_settings(Settings)]


def misspelt_variables(settings: Settings) -> Iterator[tuple[str, str]]:
    """Each variable that no setting has the name of, and the one that may be meant; the bank's own are passed over."""
    known = {MARK, HANDED_ON, *(name for address in all_addresses(settings.notify) for name in address.variables)}
    for name in sorted(os.environ):
        setting = name.upper().removeprefix(_PREFIX).lower()
        if not name.upper().startswith(_PREFIX) or name in known or setting in _NAMES:
            continue
        if near := nearest(setting, _NAMES):
            yield name, f"{_PREFIX}{near.upper()}"
