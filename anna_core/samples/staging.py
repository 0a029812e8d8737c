"""Staging: a sample from anywhere is checked and appears in the inbox at once."""

from contextlib import ExitStack
from pathlib import Path

import yaml

from anna_core.errors import SampleError
from anna_core.keys import SampleKey
from anna_core.samples.files import settings_of
from anna_core.samples.inbox import TASK_FILE, request_of, upload_files
from anna_core.samples.origins import fetch, staged_ending
from anna_core.samples.sample import Sample, make_sample
from anna_core.storage import write_file


def stage_sample(origin: str, key: SampleKey, options: dict, inbox: Path) -> Sample:
    """Check a sample and put it into the inbox, its options beside it; call it with the sample's `upload_lock` held.

    Args:
        origin: path of a CSV (plain or compressed) or Parquet file, of a folder of Parquet files or a Delta table, or a
            URL of one.
        key: the sample's key.
        options: what the user said of the task, checked; written as `<sample>.yaml`, over the task's own settings.
        inbox: the deployment's inbox.

    Returns:
        The sample as the launch will see it.

    Raises:
        SampleError: it cannot be read, or a column or value is wrong; then nothing is put into the inbox.
        TaskError: type or metric do not go with the target, or the task's settings are wrong.
    """
    request = request_of(inbox / key.task / TASK_FILE, options)
    final = inbox / key.task / f"{key.sample}{staged_ending(origin)}"
    settings = settings_of(final)
    with ExitStack() as moved:  # both are whole before either is moved into its place, the file first
        beside = moved.enter_context(write_file(settings)) if options else None
        temporary = moved.enter_context(write_file(final))
        fetch(origin, temporary)
        try:
            made = make_sample(temporary, str(key), request)
        except SampleError as error:
            # Who is told of a failed run is told its innermost cause, and nobody knows the temporary file.
            raise SampleError(str(error).replace(str(temporary), origin)) from None
        if beside is not None:
            beside.write_text(yaml.safe_dump(options, sort_keys=False), encoding="utf-8")
    if not options:
        settings.unlink(missing_ok=True)
    for other in upload_files(inbox, str(key)):  # a sample has one file; the old one goes when the new one is there
        if other != final:
            other.unlink(missing_ok=True)
    return made
