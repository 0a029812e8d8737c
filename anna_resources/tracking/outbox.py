"""The outbox: what launches report to MLflow is on disk first, so that a server that fails costs a launch nothing.

`<home>/outbox/<sample>+<launch>/` holds one file for the launch and one for each attempt at a model, with one JSON
object per line. How far a file was sent is noted beside it. Sending a line twice does no harm; losing one would.
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

KEPT_DAYS = 30.0  # after which what could not be sent is given up
SENT_KEPT_DAYS = 1.0  # for which a box stays after it was sent, so that a launch that goes on finds it
_DAY = 86_400.0
_FOLDER, _LAUNCH, _SENT, _TOLD, _LOCK = "outbox", "launch.jsonl", ".sent", "told", ".lock"
_LINE_END = b"\n"
_TAIL = 4096  # bytes at the end of a file, which as a rule hold its last report


class RunReport(BaseModel):
    """One report on one run of MLflow's.

    Attributes:
        at: the time of the report, in milliseconds of Unix time.
        params: name of a setting → its value.
        metrics: name of a curve → its value at `step`.
        step: position of these values on their curves.
        file: path of a file to attach to the run.
        model: path of a candidate's folder, which is to be a version in the registry.
        status: how the run ended: FINISHED, FAILED or KILLED.
    """

    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="constants")

    at: int
    params: dict[str, str] = {}
    metrics: dict[str, float] = {}
    step: int = 0
    file: Path | None = None
    model: Path | None = None
    status: str | None = None


@dataclass(frozen=True)
class RunFile:
    """The reports on one run of MLflow's; any number of processes may append to it, one at a time sends it."""

    path: Path

    def append(self, report: RunReport) -> None:
        """Add a report, completely or not at all.

        Raises:
            OSError: it cannot be written, because the disk is full, for example; then nothing of it stays.
        """
        line = report.model_dump_json(exclude_defaults=True).encode() + _LINE_END
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            # Until the file is closed: nobody may write between two parts of a line.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != _LINE_END:
                line = _LINE_END + line  # a writer was killed in the middle of a line, which does not count
            try:
                _write_all(descriptor, line, self.path)
            except OSError:
                os.ftruncate(descriptor, size)  # otherwise a line that lacks only its end would count
                raise
        finally:
            os.close(descriptor)

    def unsent(self) -> tuple[list[RunReport], int]:
        """The reports that were not sent yet, and the position (in bytes) after them, for `mark`."""
        return self._read(self._sent())

    def mark(self, position: int) -> None:
        """Note that everything before a position (in bytes) was sent."""
        storage.write_text(self._mark, json.dumps({"position": position}))

    @property
    def is_sent(self) -> bool:
        """Whether nothing is left to send."""
        return not self.unsent()[0]

    @property
    def ended(self) -> RunReport | None:
        """The last report, if it ends the run, else None: a report after an end undoes it."""
        size = self.path.stat().st_size if self.path.exists() else 0
        reports, _ = self._read(max(0, size - _TAIL))  # of a line that is cut by that nothing is read
        if not reports:
            reports, _ = self._read(0)
        return reports[-1] if reports and reports[-1].status else None

    @property
    def _mark(self) -> Path:
        return self.path.with_suffix(_SENT)

    def _sent(self) -> int:
        try:
            return int(json.loads(self._mark.read_text(encoding="utf-8"))["position"])
        except (FileNotFoundError, ValueError, TypeError, KeyError):  # nothing was sent; or nobody knows: all is, again
            return 0

    def _read(self, position: int) -> tuple[list[RunReport], int]:
        if not self.path.exists():
            return [], position
        with self.path.open("rb") as file:
            if position > os.fstat(file.fileno()).st_size:
                position = 0  # the file was cut, as by a crash of the machine: all that is left is sent again
            file.seek(position)
            content = file.read()
        complete = content[: content.rfind(_LINE_END) + 1]
        reports = [report for line in complete.splitlines() if (report := _parse(line)) is not None]
        return reports, position + len(complete)


@dataclass(frozen=True)
class LaunchBox:
    """Everything that one launch reports: on itself, and on each attempt at each model.

    Attributes:
        folder: the launch's folder.
        key: the sample's key.
        root: id of the launch's first Dagster run; its retries go on in the same box.
    """

    folder: Path
    key: str
    root: str

    @property
    def own(self) -> RunFile:
        """The file of the launch itself."""
        return RunFile(self.folder / _LAUNCH)

    def parts(self) -> list[RunFile]:
        """The files of its models, one per attempt; their order has no meaning."""
        return [RunFile(path) for path in sorted(self.folder.glob("*.jsonl")) if path.name != _LAUNCH]

    def open_part(self, name: str) -> RunFile:
        """The file of a new attempt at a model; earlier attempts that were killed are ended first."""
        for earlier in self.parts():
            if part_of(earlier) == name and earlier.ended is None:
                earlier.append(RunReport(at=now(), status="KILLED"))
        return RunFile(self.folder / f"{name}.{uuid.uuid4().hex}.jsonl")

    def end(self, status: str) -> None:
        """End with a status whatever is still open: interrupted models, and the launch itself."""
        for file in (*self.parts(), self.own):
            if file.ended is None:
                file.append(RunReport(at=now(), status=status))

    @property
    def is_ended(self) -> bool:
        """Whether the launch has ended, and so have all attempts at its models."""
        return all(file.ended is not None for file in (*self.parts(), self.own))

    @property
    def is_sent(self) -> bool:
        """Whether nothing is left to send."""
        return all(file.is_sent for file in (*self.parts(), self.own))

    def drop(self) -> None:
        """Count everything as sent."""
        for file in (*self.parts(), self.own):
            file.mark(file.unsent()[1])

    @property
    def rested(self) -> float:
        """Seconds since something was last reported or sent."""
        try:
            changed = [path.stat().st_mtime for path in self.folder.iterdir()]
        except FileNotFoundError:  # a sender has moved it into its place meanwhile, or all of the box was removed
            return 0.0
        return time.time() - max(changed, default=0.0)

    @property
    def lock(self) -> FileLock:
        """The lock that a sender must hold."""
        return FileLock(self.folder / _LOCK)

    def tell_once(self) -> bool:
        """Whether this is the first call in any of the launch's processes; so a problem is told once per launch."""
        try:
            (self.folder / _TOLD).touch(exist_ok=False)
        except FileExistsError:
            return False
        except OSError:
            return True  # such as a full disk: better twice than not at all
        return True


@dataclass(frozen=True)
class Outbox:
    """The outbox of a deployment.

    Attributes:
        folder: the folder of all launches' boxes.
    """

    folder: Path

    @classmethod
    def of(cls, home: Path) -> "Outbox":
        """The outbox of the deployment at ANNA_HOME."""
        return cls(home / _FOLDER)

    def launch(self, key: str, root: str) -> LaunchBox:
        """The box of a launch, which need not exist yet."""
        return LaunchBox(self.folder / f"{key}+{root}", key, root)

    def launches(self) -> Iterator[LaunchBox]:
        """Yield the boxes of all launches that have reported something."""
        for folder in sorted(self.folder.glob("*+*")):
            key, _, root = folder.name.rpartition("+")
            if folder.is_dir():
                yield LaunchBox(folder, key, root)

    def waiting(self, rested_seconds: float = 0.0) -> list[LaunchBox]:
        """The boxes with something to send in which nothing was reported or sent for `rested_seconds`."""
        return [box for box in self.launches() if not box.is_sent and box.rested >= rested_seconds]

    def sweep(self) -> list[LaunchBox]:
        """Remove boxes that were sent a while ago, and those that could not be sent for too long; return the latter.

        A box stays as long until its launch has ended, even if all that it said was sent.
        """
        given_up = []
        for box in self.launches():
            if (rested := box.rested) <= SENT_KEPT_DAYS * _DAY:
                continue
            sent = box.is_sent
            if (sent and box.is_ended) or rested > KEPT_DAYS * _DAY:
                shutil.rmtree(box.folder)
                given_up += [] if sent else [box]
        return given_up


def part_of(file: RunFile) -> str:
    """The name of the model on which a file of the outbox reports."""
    return file.path.name.split(".")[0]


def now() -> int:
    """The current time in milliseconds of Unix time, as MLflow counts it."""
    return int(time.time() * 1000)


def _write_all(descriptor: int, content: bytes, path: Path) -> None:
    """Write all of `content`; the system may take only a part at once, when a disk or a quota fills up, for example."""
    while content:
        written = os.write(descriptor, content)
        if not written:
            raise OSError(errno.EIO, "nothing could be written", str(path))
        content = content[written:]


def _parse(line: bytes) -> RunReport | None:
    try:
        return RunReport.model_validate_json(line)
    except ValidationError:
        return None  # half a line of a writer that was killed, see `append`
