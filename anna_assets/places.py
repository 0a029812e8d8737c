"""Where files lie, as metadata."""

from pathlib import Path

import dagster as dg

from anna_resources.places import told_place
from anna_resources.settings import load_settings


def place(path: Path) -> dg.PathMetadataValue:
    """The path of a file or folder, from the deployment's folder on if it lies in there (`told_place`)."""
    return dg.MetadataValue.path(told_place(path, load_settings().home))
