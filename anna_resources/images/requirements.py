"""The packages that an image installs: those that run here, each as a file and with its digest."""

import hashlib
import importlib.metadata
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from anna_core.errors import AnnaError

# What `anna_core` imports to score and to serve; what these need is added.
SERVING = (
    "anyio",
    "click",
    "filelock",
    "lightgbm",
    "numpy",
    "polars",
    "psutil",
    "pyarrow",
    "pydantic",
    "pyyaml",
    "safetensors",
    "scipy",
    "starlette",
    "torch",
    "uvicorn",
)
_SECONDS = 1800  # to fetch a few dozen packages, of which torch may have gigabytes


class RequirementsError(AnnaError):
    """The packages of an image cannot be told."""


@dataclass(frozen=True)
class Pinned:
    """A package as an image installs it.

    Attributes:
        name: in lower case, with hyphens.
        version: with the local part, such as 2.13.0+cpu.
        sha256: of the file, in hex.
        licence: as its metadata say; empty where they do not.
    """

    name: str
    version: str
    sha256: str
    licence: str

    @property
    def line(self) -> str:
        """As a line of a requirements file that is installed with `--require-hashes`."""
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}"


def fetch(folder: Path) -> list[Pinned]:
    """Fetch the packages of `SERVING`, and all that they need, in the versions that are installed here.

    Args:
        folder: an empty folder, which gets their wheels, as pip's indexes have them.

    Raises:
        RequirementsError: one is not installed, pip is not there, or its index does not have what runs here.
    """
    installed = _installed()
    if missing := sorted(name for name in SERVING if name not in installed):
        raise RequirementsError(f"{', '.join(missing)} is not installed here, so no image can have what runs here.")
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as constraints:
        constraints.write("".join(f"{name}=={version}\n" for name, version in installed.items()))
        constraints.flush()
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--dest", str(folder)]
        command += ["--constraint", constraints.name, *SERVING]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise RequirementsError(f"pip could not fetch the packages of an image within {_SECONDS} s.") from error
    if done.returncode:
        told = " ".join(done.stderr.strip().splitlines()[-3:])
        raise RequirementsError(
            f"pip cannot fetch the packages that run here: {told} Give it an index that has them, by pip.conf or "
            "PIP_INDEX_URL."
        )
    return [_pinned(wheel) for wheel in sorted(folder.glob("*.whl"), key=lambda wheel: wheel.name.lower())]


def _installed() -> dict[str, str]:
    """Name → version of each package that `SERVING` needs and that is installed here, themselves included."""
    found: dict[str, str] = {}
    waiting = list(SERVING)
    while waiting:
        name = canonicalize_name(waiting.pop())
        try:
            package = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # of another system, or not needed here
        if name in found:
            continue
        found[name] = package.version
        needed = (Requirement(text) for text in package.requires or ())
        waiting += [one.name for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found


def _pinned(wheel: Path) -> Pinned:
    name, version, _, _ = parse_wheel_filename(wheel.name)
    with wheel.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Pinned(name, str(version), digest, _licence(name))


def _licence(name: str) -> str:
    """The licence of a package that is installed here, as its metadata say."""
    told = importlib.metadata.metadata(name)
    classifiers = [text for text in told.get_all("Classifier", []) if text.startswith("License :: OSI Approved ::")]
    (expression,) = told.get_all("License-Expression", [""])
    return expression or (classifiers[0].rpartition(":: ")[2] if classifiers else "")
