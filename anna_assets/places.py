"""Where files lie, as pages tell it."""

from pathlib import Path

import dagster as dg

from anna_resources.settings import load_settings


def place(path: Path) -> dg.PathMetadataValue:
    """The path of a file or folder, relative to the deployment's folder if it lies in there.

    A page does not break paths: a long one makes its column wider than the page, and the ends of all else are cut off.
    """
    home = load_settings().home
    return dg.MetadataValue.path(path.relative_to(home) if path.is_relative_to(home) else path)
