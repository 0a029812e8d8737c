"""Programs that build images: buildah, podman and docker, which take the same words but for a few."""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from anna_core.errors import AnnaError
from anna_resources.images.context import CONTAINERFILE
from anna_resources.settings import Builder, Image

_TOLD_LINES = 15  # of the output of a build that failed


class BuildError(AnnaError):
    """An image could not be built, or not be pushed."""


def build(context: Path, name: str, settings: Image, arguments: Mapping[str, str], tell: Callable[[str], None]) -> str:
    """Build the image of a context, and push it where that is asked for.

    Args:
        context: the folder.
        name: what the image is called.
        settings: which program builds, and how.
        arguments: name → value of the build's arguments.
        tell: takes each line that the program says.

    Returns:
        The digest by which it can be pulled where it was pushed, else its id: `sha256:…`.

    Raises:
        BuildError: there is no such program here, it fails, or it takes too long; with its last lines.
    """
    program = settings.builder.value
    if shutil.which(program) is None:
        raise BuildError(
            f"image.builder is {program}, which is not on the PATH of ANNA's code server. Install it, or set "
            "image.builder to none to have the build context alone."
        )
    given = [part for key, value in arguments.items() for part in ("--build-arg", f"{key}={value}")]
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder, "told")
        command = [program, "build", "--file", str(context / CONTAINERFILE), "--iidfile", str(told), "--tag", name]
        layers = ["--layers"] if settings.builder is Builder.BUILDAH else []  # what the others do by themselves
        _run([*command, *layers, *given, *settings.options, str(context)], settings.seconds, tell)
        image = told.read_text(encoding="utf-8").strip()
        if settings.push:
            image = _push(program, name, told, settings.seconds, tell)
    return image if image.startswith("sha256:") else f"sha256:{image}"


def size_of(name: str, settings: Image) -> str:
    """The size of an image on this machine, as its builder writes it, base included."""
    lines = _run([settings.builder.value, "images", "--format", "{{.Size}}", name], settings.seconds, lambda line: None)
    return lines[0] if lines else ""


def _push(program: str, name: str, told: Path, seconds: float, tell: Callable[[str], None]) -> str:
    """Push an image; return its digest there."""
    if program == Builder.DOCKER.value:
        _run([program, "push", name], seconds, tell)
        digests = _run([program, "image", "inspect", "--format", "{{index .RepoDigests 0}}", name], seconds, tell)
        return digests[-1].rpartition("@")[2]
    _run([program, "push", "--digestfile", str(told), name], seconds, tell)
    return told.read_text(encoding="utf-8").strip()


def _run(command: list[str], seconds: float, tell: Callable[[str], None]) -> list[str]:
    """Run a program and return its lines, as each of them is told; it ends with the caller."""
    lines: list[str] = []
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        process_group=0,
    ) as running:
        assert running.stdout is not None, "it is a pipe"
        late = threading.Timer(seconds, _kill_all, [running.pid])
        late.start()
        try:
            for line in running.stdout:
                lines.append(line.rstrip())
                tell(lines[-1])
            status = running.wait()
        finally:
            is_late = not late.is_alive()
            late.cancel()
            if running.poll() is None:
                _kill_all(running.pid)
    what = " ".join(command[:2])
    if is_late:
        raise BuildError(f"{what} took longer than image.seconds ({seconds:g}) allows: it was ended.")
    if status:
        raise BuildError(f"{what} failed ({status}): {' | '.join(lines[-_TOLD_LINES:])}")
    return lines


def _kill_all(group: int) -> None:
    """End a program with all that it started: what a step of a build runs holds the pipe that is read here."""
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
