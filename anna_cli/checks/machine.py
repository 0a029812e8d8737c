"""Whether this machine can run ANNA: Python, packages, memory, disk."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from anna_cli.checks.findings import Finding, bad, good, warning
from anna_core.storage import free_bytes, is_full

OLDEST_PYTHON = (3, 11)
# Modules of the packages in pyproject.toml without which a launch cannot go through.
REQUIRED = (
    "apprise", "click", "dagster", "dagster_mlflow", "dagster_webserver", "filelock", "lightgbm", "matplotlib",
    "mlflow", "narwhals", "numpy", "pandas", "polars", "psutil", "pyarrow", "pydantic_settings", "requests", "rich",
    "safetensors", "sklearn", "sqlalchemy", "torch",
)  # fmt: skip
GIB = 2**30
LEAST_MEMORY_GIB = 4  # the servers take 0.9 (measured); the rest is for the steps of two launches
LEAST_DISK_GIB = 5
_MAKE_ROOM = "make room, or set another `storage`"


def check_python() -> Iterator[Finding]:
    """The interpreter's version."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= OLDEST_PYTHON:
        yield good(f"Python {version}")
    else:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        yield bad(f"Python {version} is too old", f"install Python {oldest} or newer and ANNA into it")


def check_packages() -> Iterator[Finding]:
    """That every package can be found; nothing is imported."""
    missing = [name for name in REQUIRED if importlib.util.find_spec(name) is None]
    if missing:
        yield bad(f"packages are missing: {', '.join(missing)}", "install ANNA again: pip install anna-platform")
    else:
        yield good(f"{len(REQUIRED)} required packages")


def check_memory() -> Iterator[Finding]:
    """Memory that is free for ANNA."""
    free = psutil.virtual_memory().available / GIB
    if free < LEAST_MEMORY_GIB:
        yield warning(
            f"{free:.1f} GiB of memory are available",
            f"{LEAST_MEMORY_GIB} are good to have: close other programs, or set limits.training to 1",
        )
    else:
        yield good(f"{free:.1f} GiB of memory available")


def check_disk(folder: Path) -> Iterator[Finding]:
    """Room on the disk that holds a folder; the folder itself may not exist yet."""
    free = free_bytes(folder) / GIB
    if is_full(folder):
        yield bad(f"{free:.2f} GiB are free on the disk of {folder}", _MAKE_ROOM)
    elif free < LEAST_DISK_GIB:
        yield warning(f"{free:.1f} GiB are free on the disk of {folder}", _MAKE_ROOM)
    else:
        yield good(f"{free:.0f} GiB free on the disk of {folder}")
