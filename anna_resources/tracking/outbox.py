"""The outbox: what launches have to say to MLflow, on disk first, so that a server that is ill costs a launch nothing.

`<home>/outbox/<sample>+<launch>/` holds a file for the launch and one for each try of a model, with a JSON object a
line. Whoever sends a file notes beside it how far it came. Sending a line twice does no harm, losing one would.
"""

import errno
import fcntl
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, ValidationError

from anna_core import storage

KEPT_DAYS = 30.0  # what could not be sent for so long is given up
SENT_KEPT_DAYS = 1.0  # what was sent stays for a while: a launch that goes on finds it
_DAY = 86_400.0
_FOLDER, _LAUNCH, _SENT, _TOLD, _LOCK = "outbox", "launch.jsonl", ".sent", "told", ".lock"
_LINE_END = b"\n"


class Entry(BaseModel):
    """One thing to tell MLflow of one of its runs.

    Attributes:
        at: when it was said, in milliseconds of Unix time.
        params: settings.
        metrics: points, one of each curve.
        step: place of these points on the curves.
        file: path of a file to keep.
        status: how the run ended: FINISHED, FAILED or KILLED.
    """

    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="constants")

    at: int
    params: dict[str, str] = {}
    metrics: dict[str, float] = {}
    step: int = 0
    file: Path | None = None
    status: str | None = None


@dataclass(frozen=True)
class RunFile:
    """What one run of MLflow's is to be told; any number of processes append, one at a time sends."""

    path: Path

    def append(self, entry: Entry) -> None:
        """Add an entry; whole, or not at all.

        Raises:
            OSError: it cannot be written, such as where the disk is full; nothing of it stays then.
        """
        line = entry.model_dump_json(exclude_defaults=True).encode() + _LINE_END
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # until it is closed: nobody writes between two parts of a line
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != _LINE_END:
                line = _LINE_END + line  # a writer was killed in the middle of a line, which counts as not said
            try:
                _write_all(descriptor, line, self.path)
            except OSError:
                os.ftruncate(descriptor, size)  # a line that lacks no more than its end would count as said
                raise
        finally:
            os.close(descriptor)

    def unsent(self) -> tuple[list[Entry], int]:
        """The entries that were not sent, and the position after them, for `mark`."""
        return self._read(self._sent())

    def mark(self, position: int) -> None:
        """Note that everything before a position was sent."""
        storage.write_text(self._mark, json.dumps({"position": position}))

    @property
    def is_sent(self) -> bool:
        """Whether nothing is left to send."""
        return not self.unsent()[0]

    @property
    def ended(self) -> Entry | None:
        """The last entry if it ends the run; what was said after an end takes it back."""
        entries, _ = self._read(0)
        return entries[-1] if entries and entries[-1].status else None

    @property
    def _mark(self) -> Path:
        return self.path.with_suffix(_SENT)

    def _sent(self) -> int:
        try:
            return int(json.loads(self._mark.read_text(encoding="utf-8"))["position"])
        except FileNotFoundError:
            return 0

    def _read(self, position: int) -> tuple[list[Entry], int]:
        if not self.path.exists():
            return [], position
        with self.path.open("rb") as file:
            file.seek(position)
            content = file.read()
        complete = content[: content.rfind(_LINE_END) + 1]
        entries = [entry for line in complete.splitlines() if (entry := _parse(line)) is not None]
        return entries, position + len(complete)


@dataclass(frozen=True)
class LaunchBox:
    """Everything that one launch has to say: of itself, and of each try of each model.

    Attributes:
        folder: of the launch.
        key: of its sample.
        root: id of the launch's first Dagster run; retries go on in the same box.
    """

    folder: Path
    key: str
    root: str

    @property
    def own(self) -> RunFile:
        """What the launch says of itself."""
        return RunFile(self.folder / _LAUNCH)

    def parts(self) -> list[RunFile]:
        """What it says of its models, a file a try, in no order that matters."""
        return [RunFile(path) for path in sorted(self.folder.glob("*.jsonl")) if path.name != _LAUNCH]

    def open_part(self, name: str) -> RunFile:
        """The file of a new try of a model. What an earlier, killed try left open is ended first."""
        for earlier in self.parts():
            if part_of(earlier) == name and earlier.ended is None:
                earlier.append(Entry(at=now(), status="KILLED"))
        return RunFile(self.folder / f"{name}.{uuid.uuid4().hex}.jsonl")

    def end(self, status: str) -> None:
        """End whatever is open: models that were interrupted, and the launch itself."""
        for file in (*self.parts(), self.own):
            if file.ended is None:
                file.append(Entry(at=now(), status=status))

    @property
    def is_used(self) -> bool:
        """Whether the launch has said anything yet."""
        return self.folder.is_dir()

    @property
    def is_sent(self) -> bool:
        """Whether nothing is left to send."""
        return all(file.is_sent for file in (*self.parts(), self.own))

    def drop(self) -> None:
        """Count all that was said as sent."""
        for file in (*self.parts(), self.own):
            file.mark(file.unsent()[1])

    @property
    def rested(self) -> float:
        """Seconds since something was last said or sent."""
        changed = [path.stat().st_mtime for path in self.folder.iterdir()]
        return time.time() - max(changed, default=0.0)

    @property
    def lock(self) -> FileLock:
        """Held by whoever sends."""
        return FileLock(self.folder / _LOCK)

    def tell_once(self) -> bool:
        """Whether this is the first call of any of the launch's processes: a problem is told once a launch."""
        try:
            (self.folder / _TOLD).touch(exist_ok=False)
        except FileExistsError:
            return False
        except OSError:
            return True  # a full disk: better twice than not at all
        return True


@dataclass(frozen=True)
class Outbox:
    """The outbox of a deployment.

    Attributes:
        folder: of all launches.
    """

    folder: Path

    @classmethod
    def of(cls, home: Path) -> "Outbox":
        """The outbox of the deployment at ANNA_HOME."""
        return cls(home / _FOLDER)

    def launch(self, key: str, root: str) -> LaunchBox:
        """The box of a launch, which need not be there yet."""
        return LaunchBox(self.folder / f"{key}+{root}", key, root)

    def launches(self) -> Iterator[LaunchBox]:
        """Every launch that has said something."""
        for folder in sorted(self.folder.glob("*+*")):
            key, _, root = folder.name.rpartition("+")
            yield LaunchBox(folder, key, root)

    def waiting(self, rested_seconds: float = 0.0) -> list[LaunchBox]:
        """Launches that have something to send and have not said or sent anything for so long."""
        return [box for box in self.launches() if not box.is_sent and box.rested >= rested_seconds]

    def sweep(self) -> list[LaunchBox]:
        """Remove what was sent and is at rest, and what could not be sent for too long; return the latter."""
        given_up = []
        for box in self.launches():
            sent = box.is_sent
            if box.rested > (SENT_KEPT_DAYS if sent else KEPT_DAYS) * _DAY:
                shutil.rmtree(box.folder)
                given_up += [] if sent else [box]
        return given_up


def part_of(file: RunFile) -> str:
    """The name of the model whose try a file is of."""
    return file.path.name.split(".")[0]


def now() -> int:
    """The time, as MLflow has it."""
    return int(time.time() * 1000)


def _write_all(descriptor: int, content: bytes, path: Path) -> None:
    """Write all of it: the system may take less at once than it is given, as where a disk or a quota fills up."""
    while content:
        written = os.write(descriptor, content)
        if not written:
            raise OSError(errno.EIO, "nothing could be written", str(path))
        content = content[written:]


def _parse(line: bytes) -> Entry | None:
    try:
        return Entry.model_validate_json(line)
    except ValidationError:
        return None  # see `append`: half a line of a writer that was killed
