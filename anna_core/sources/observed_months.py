"""The months of a source, put together from its files: fingerprints, and events that other months supersede."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from anna_core.domains import Domain
from anna_core.sources.corrections import Corrections, find_corrections, write_corrections
from anna_core.sources.fingerprints import combine_fingerprints, shifted_fingerprint
from anna_core.sources.observed_files import modified
from anna_core.sources.source_state import ReadFile
from anna_core.sources.survey import month_key

KEYS = "keys"  # the folder of the events' identities, file by file


def months_of(
    domain: Domain, once: Iterable[str], files: dict[str, ReadFile], folder: Path, memory: int
) -> dict[str, str]:
    """Fingerprint every month, and store the corrections of all months beside the source's state.

    Args:
        domain: the domain.
        once: keys of months that once had rows; they are fingerprinted even if they have lost all of them.
        files: name of each file → what was found in it.
        folder: of the source's state.
        memory: bytes to work with.

    Returns:
        Key of each month → its fingerprint.
    """
    parts: dict[str, list[str]] = {month: [] for month in once}
    for file in files.values():
        for month, fingerprint in file.months.items():
            parts.setdefault(month, []).append(fingerprint)
    corrected: dict[str, Corrections] = {}
    if domain.event_key:
        order = sorted(files, key=lambda name: (modified(files[name].state), name))  # as `winning_order` has it
        stored = key_runs(folder)
        runs = [(name, stored.get(key_name(name, files[name].state, files[name].rules), [])) for name in order]
        corrected = {month_key(number): part for number, part in find_corrections(runs, memory).items()}
        write_corrections(folder, corrected)
    return {
        month: shifted_fingerprint(combine_fingerprints(parts[month]), corrected.get(month, Corrections()).digest)
        for month in sorted(parts)
    }


def key_runs(folder: Path) -> dict[str, list[Path]]:
    """The `key_name` of each file → its stored identities, in a folder of a source's state, which is listed once."""
    found: dict[str, list[Path]] = {}
    for path in sorted((folder / KEYS).glob("*.npy")):
        found.setdefault(_owner(path), []).append(path)
    return found


def _owner(path: Path) -> str:
    return path.name.partition("-")[0]


def sweep_keys(folder: Path, kept: set[str]) -> None:
    """Remove all stored identities except those whose `key_name` is in `kept`; also what killed writers left."""
    for path in (folder / KEYS).glob("*.npy"):
        if _owner(path) not in kept:
            path.unlink(missing_ok=True)


def key_name(name: str, state: str, rules: str) -> str:
    """The name of a file's stored identities, which changes with the file's state and the rules for reading it."""
    return hashlib.blake2b(f"{name}\n{state}\n{rules}".encode(), digest_size=8).hexdigest()
