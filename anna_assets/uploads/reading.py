"""What is read at one look at the inbox: small things at once, within bounds, and large ones by the worker."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from anna_assets.uploads.work import Answer, Job, answer
from anna_assets.uploads.worker import Standing, Worker
from anna_core.samples.files import ending_of
from anna_core.samples.listing import FileStamp
from anna_core.samples.register import Entry
from anna_resources.clock import told_moment

# Of what is read at a look, so that it ends well before Dagster's 60 s, also on a slow share; the rest of the small
# ones comes with the next looks.
_BATCH, _BATCH_BYTES = 20, 2**27
_QUICK_BYTES = 2**26  # 2.2 s of a processor's time, as measured: a CSV's digest, and its clients and dates
_PACKED = 5  # a byte of a packed CSV or of Parquet takes as long as so many of a plain CSV
_MART = 10  # and so many bytes of a mart as one: of its events the clients alone are read, in 30 ns each


@dataclass(frozen=True)
class Later:
    """There is no answer yet.

    Attributes:
        since: when the worker began, where it did so just now, as a text.
        busy: whether the worker is at something else.
        left: whether it was not to be begun.
    """

    since: str = ""
    busy: bool = False
    left: bool = False


class Reading:
    """Has jobs of one kind done at one look.

    Attributes:
        now: time of the look.
    """

    def __init__(self, worker: Worker, now: float) -> None:
        """`now` is the time of the look."""
        self._worker, self.now = worker, now
        self._left, self._bytes_left = _BATCH, _BATCH_BYTES
        self._full = set[bool]()  # of large jobs, and of small ones: whether one was put off

    def is_full(self, size: int) -> bool:
        """Whether a job was put off for others at this look, so that one of such a size would be, too."""
        return _is_large(size) in self._full

    def ask(self, job: Job, size: int, entry: Entry, may_begin: bool = True) -> Answer | Later:
        """The answer to a job, if there is one yet; who gets none asks for the same one again at the next look.

        Args:
            job: what to do.
            size: what that takes, in bytes of CSV, as `upload_size` and `mart_size` tell.
            entry: of the upload; takes how often and when the job was begun.
            may_begin: whether it may be begun now, where it is not yet.
        """
        found = self._ask(job, size, may_begin)
        if found is Standing.BEGUN or (isinstance(found, Answer) and not _is_large(size)):
            entry.tries, entry.tried = entry.tries + 1, self.now
        if isinstance(found, Answer):
            return found
        if is_busy := found is Standing.BUSY:
            self._full.add(_is_large(size))
        since = told_moment(self.now) if found is Standing.BEGUN else ""
        return Later(since, busy=is_busy and _is_large(size), left=found is Standing.LEFT)

    def _ask(self, job: Job, size: int, may_begin: bool) -> Answer | Standing:
        if _is_large(size):
            return self._worker.ask(job.model_dump_json(), may_begin)
        if not may_begin:
            return Standing.LEFT
        is_first = self._left == _BATCH
        if not is_first and (not self._left or size > self._bytes_left):
            return Standing.BUSY
        self._left, self._bytes_left = self._left - 1, self._bytes_left - size
        return answer(job)


def _is_large(size: int) -> bool:
    return size > _QUICK_BYTES


def upload_size(files: dict[str, FileStamp]) -> int:
    """What an upload takes to read, in bytes of CSV."""
    return sum(size * (1 if ending_of(name) == ".csv" else _PACKED) for name, (size, *_) in files.items())


def mart_size(files: Iterable[Path]) -> int:
    """What it takes to look for clients in months of marts, there or not, in bytes of CSV."""
    return sum(file.stat().st_size for file in files if file.exists()) // _MART
