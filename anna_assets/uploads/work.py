"""What has to be read of an upload, as jobs that any process can do: `python -m anna_assets.uploads.work` does one.

Whatever goes wrong is an answer, too: it is told at the upload, and stops no other.
"""

import datetime as dt
import logging
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
from pydantic import BaseModel, Field, TypeAdapter

from anna_assets.passing import passing
from anna_core.domains import Domain
from anna_core.errors import ArtifactError, SampleError
from anna_core.guards.matching import match_sample
from anna_core.samples.checking import check_upload
from anna_core.samples.listing import Upload
from anna_core.samples.register import Entry
from anna_core.samples.rows import read_keys
from anna_core.sources.source_state import read_state

# Seconds that a process waits for a lock: of a launch that reads the upload, or of the process of a code server before
# a reload, which is still at it. To begin anew at every look would cost more.
PATIENCE = 600.0


class CheckJob(BaseModel):
    """Whether an upload is a sample, and what it holds.

    Attributes:
        key: of the sample.
        upload: as it was listed.
        locks: the folder of the locks, see `upload_lock`.
    """

    kind: Literal["check"] = "check"
    key: str
    upload: Upload
    locks: Path


class MatchJob(BaseModel):
    """Which of an upload's clients and dates the marts know; some 30 ns an event of the months seen.

    Attributes:
        file: the upload.
        content: its digest, by which it is told from an earlier one of its name.
        marts: each domain, and the folder of its mart.
        observed: the folder that keeps what was observed of each domain's source.
        kept: first day of the first and of the last month that the deployment keeps.
    """

    kind: Literal["match"] = "match"
    file: Path
    content: str
    marts: list[tuple[Domain, Path]]
    observed: list[Path]
    kept: tuple[dt.date, dt.date]


Job = CheckJob | MatchJob
_JOB = TypeAdapter[Job](Annotated[Job, Field(discriminator="kind")])


class Answer(BaseModel):
    """What came of a job.

    Attributes:
        entry: of a check, what was found, as an entry of the register.
        warnings: of a match, what to tell.
        refusal: of a match, why no launch can come of the sample as things are; empty where one can.
        problem: why nothing came of it; empty where all is well.
        passes: whether the problem lies in what goes on beside the job, so that it may be done later.
    """

    entry: Entry | None = None
    warnings: list[str] = []
    refusal: str = ""
    problem: str = ""
    passes: bool = False


def answer(job: Job, patience: float = 0.0) -> Answer:
    """Do a job here and now; `patience` is how many seconds it may wait for somebody who has the upload's lock."""
    try:
        return _check(job, patience) if isinstance(job, CheckJob) else _match(job)
    except (Exception, pl.exceptions.PanicException) as error:
        logging.getLogger(__name__).exception("A job of the intake failed")
        return Answer(problem=f"{type(error).__name__}: {error}", passes=passing(error) is not None)


def _check(job: CheckJob, patience: float) -> Answer:
    upload = job.upload
    entry = Entry(file=upload.file, key=job.key, files=upload.files, settings=upload.settings, seen=0, place=0)
    check_upload(entry, upload, job.locks, patience)
    return Answer(entry=entry)


def _match(job: MatchJob) -> Answer:
    try:
        rows = read_keys(job.file)
    except SampleError:
        return Answer()  # it changed since it was checked: the next look sees that
    found = match_sample(rows, job.marts, lambda: _observed_months(job))
    return Answer(warnings=list(found.warnings), refusal=found.nobody)


def _observed_months(job: MatchJob) -> Iterator[dt.date]:
    """The months with rows that were observed of any domain, as far as they are kept; marts may still lack them."""
    first, last = job.kept
    for folder in job.observed:
        try:
            found = read_state(folder).rows
        except (ArtifactError, OSError):
            continue  # what is wrong with that source is told of each sample that waits for it
        yield from (month for month, rows in found.items() if rows and first <= month <= last)


def _end_with_parent() -> None:
    """Whoever asked for the job holds the other end: once that is gone, nobody waits for the answer."""
    sys.stdin.read()
    os._exit(1)


def main() -> None:
    """Read a job from the standard input, and write its answer to the standard output."""
    job = _JOB.validate_json(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.stdout.write(answer(job, PATIENCE).model_dump_json())
    sys.stdout.flush()
    os._exit(0)  # the thread above still reads, which an orderly end would wait for


if __name__ == "__main__":
    main()
