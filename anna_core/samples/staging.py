"""Staging: a sample from anywhere is checked, and then appears in the inbox as a whole."""

from contextlib import ExitStack
from pathlib import Path

import yaml

from anna_core.errors import SampleError
from anna_core.keys import SampleKey
from anna_core.samples.files import settings_of
from anna_core.samples.inbox import TASK_FILE, request_of, upload_files
from anna_core.samples.origins import fetch, staged_ending
from anna_core.samples.resting import Stamps
from anna_core.samples.sample import Sample, make_sample
from anna_core.samples.splits import refuse_empty_parts
from anna_core.storage import flush, write_file


def stage_sample(origin: str, key: SampleKey, options: dict, inbox: Path, rested: Stamps) -> Sample:
    """Check a sample and put it into the inbox, with its options beside it. The caller must hold its `upload_lock`.

    Args:
        origin: path of a CSV (plain or compressed) or Parquet file, of a folder of Parquet files or a Delta table, or
            the URL of one.
        key: the sample's key.
        options: the user's settings of the task, checked already; they are written to `<sample>.yaml` and take
            precedence over those in `task.yaml`.
        inbox: the deployment's inbox.
        rested: the states of the sample's files, as `wait_for_rest` returns them; `fetch` holds them to these.

    Returns:
        The sample as its launch will see it.

    Raises:
        SampleError: the sample cannot be read, or a column or value is wrong; then the inbox stays as it was.
        TaskError: the type or the metric does not fit the target, or a setting is wrong; likewise.
    """
    request = request_of(inbox / key.task / TASK_FILE, options)
    final = inbox / key.task / f"{key.sample}{staged_ending(origin)}"
    settings = settings_of(final)
    with ExitStack() as moved:  # both are whole, and on the disk, before either is moved into its place
        temporary = moved.enter_context(write_file(final))  # the last to be moved
        beside = moved.enter_context(write_file(settings)) if options else None
        fetch(origin, temporary, rested)
        try:
            made = make_sample(temporary, str(key), request)
            refuse_empty_parts(made.split, f"{temporary}: ", " ".join(made.task.guesses))
        except SampleError as error:
            # A failed run shows its innermost cause, so the message must not name the temporary file.
            raise SampleError(str(error).replace(str(temporary), origin)) from None
        if beside is not None:
            beside.write_text(yaml.safe_dump(options, sort_keys=False), encoding="utf-8")
            flush(beside)
        flush(temporary)
    if not options:
        settings.unlink(missing_ok=True)
    for other in upload_files(inbox, str(key)):  # a sample has one file: the old one goes once the new is there
        if other != final:
            other.unlink(missing_ok=True)
    return made
