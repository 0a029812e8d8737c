"""Staging: a sample from anywhere is checked and appears in the inbox at once."""

import shutil
from contextlib import ExitStack
from pathlib import Path, PurePath
from urllib.parse import urlsplit

import polars as pl
import yaml

from anna_core.errors import SampleError
from anna_core.keys import SampleKey
from anna_core.samples.inbox import TASK_FILE, request_of, settings_file
from anna_core.samples.sample import SUFFIXES, Sample, make_sample
from anna_core.storage import write_file


def stage_sample(origin: str, key: SampleKey, options: dict, inbox: Path) -> Sample:
    """Check a sample and put it into the inbox, its options beside it; call it with the sample's `upload_lock` held.

    Args:
        origin: path of a CSV or Parquet file, of a folder of Parquet files or a Delta table, or a URL of one.
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
    local = Path(origin).expanduser()
    copied = local.is_file() and local.suffix in SUFFIXES
    final = inbox / key.task / f"{key.sample}{local.suffix if copied else '.parquet'}"
    settings = settings_file(final)
    with ExitStack() as moved:  # both are whole before either is moved into its place, the file first
        beside = moved.enter_context(write_file(settings)) if options else None
        temporary = moved.enter_context(write_file(final))
        if copied:
            _copy(local, temporary)
        else:
            _read_table(origin, local).write_parquet(temporary)
        try:
            made = make_sample(temporary, str(key), request)
        except SampleError as error:
            # Who is told of a failed run is told its innermost cause, and nobody knows the temporary file.
            raise SampleError(str(error).replace(str(temporary), origin)) from None
        if beside is not None:
            beside.write_text(yaml.safe_dump(options, sort_keys=False), encoding="utf-8")
    if not options:
        settings.unlink(missing_ok=True)
    for suffix in SUFFIXES:  # a sample has one file; the old one goes when the new one is there
        if suffix != final.suffix:
            final.with_suffix(suffix).unlink(missing_ok=True)
    return made


def sample_name(origin: str) -> str:
    """What a sample is called that is given no name: as its file, without .csv or .parquet, or as its folder."""
    name = PurePath((urlsplit(origin).path if "://" in origin else origin).rstrip("/")).name
    return next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except PermissionError as error:
        raise SampleError(
            f"{source}: the platform's user may not read it; give it the right to, or copy it."
        ) from error


def _read_table(origin: str, local: Path) -> pl.DataFrame:
    try:
        if "://" in origin and origin.endswith(".csv"):
            return pl.read_csv(origin, infer_schema=False)
        if "://" in origin and origin.endswith(".parquet"):
            return pl.read_parquet(origin)
        if "://" in origin or (local / "_delta_log").is_dir():
            return _read_delta(origin)
        if local.is_dir():
            return pl.read_parquet(str(local / "**/*.parquet"))
    except (OSError, ImportError, pl.exceptions.PolarsError) as error:
        raise SampleError(f"{origin}: cannot be read as a sample: {error}") from error
    raise SampleError(
        f"{origin}: no such file. Give the absolute path of a .csv or .parquet file, a folder of Parquet files, a "
        "Delta table, or the URL of one, that the server can read."
    )


def _read_delta(origin: str) -> pl.DataFrame:
    from deltalake.exceptions import DeltaError  # an optional package

    try:
        return pl.read_delta(origin)
    except DeltaError as error:
        raise SampleError(f"{origin}: cannot be read as a Delta table: {error}") from error
