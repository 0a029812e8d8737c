"""Importing many modules at once."""

import gc
import importlib
from collections.abc import Iterable
from contextlib import suppress


def import_all(names: Iterable[str]) -> None:
    """Import modules for the processes that will be forked from this one.

    What is imported stays for good. So the collector, which looks through all of it again and again, rests meanwhile
    (docs/speed.md says what that saves), and leaves it alone afterwards.
    """
    gc.disable()
    try:
        for name in names:
            with suppress(ModuleNotFoundError):  # another version keeps it elsewhere: the steps find it by themselves
                importlib.import_module(name)
    finally:
        gc.freeze()
        gc.enable()
