"""Bringing a sample to a running instance, and following it until its launch exists."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from anna_cli.graphql import GraphQLClient, Json, selector
from anna_cli.job_runs import launch_run, read_run, run_parameters
from anna_cli.launch import State, tags_of
from anna_cli.launch_reader import LaunchReader
from anna_cli.options import Options
from anna_cli.queries import RUN_STATES, SENSOR
from anna_cli.sensor_reader import problem_of
from anna_cli.upload_reader import Upload, read_uploads
from anna_core.errors import AnnaError, KeyNameError, SampleError
from anna_core.keys import SampleKey, check_task, sample_key
from anna_core.samples.files import ending_of, path_of, url_parts, why_no_sample
from anna_core.samples.origins import sample_name
from anna_resources.names import (
    CONTENT_TAG,
    INBOX_SENSOR,
    NOTES_TAG,
    PARTITION_TAG,
    REGISTER_JOB,
    REGISTER_OP,
    RETRY_TAG,
    TASK_TAG,
    WILL_RETRY_TAG,
)

POLL_SECONDS = 2.0
_QUEUED = ("QUEUED", "NOT_STARTED")


class SubmitError(AnnaError):
    """A sample was not taken in."""


def locate(file: str) -> str:
    """Return a local file's absolute path, and a URL as it is.

    Raises:
        SampleError: there is no such file, or it cannot be a sample.
    """
    if len(url_parts(file).scheme) > 1:  # one letter is a Windows drive
        return file
    path = path_of(file).resolve()
    if not path.exists():
        raise SampleError(f"{path}: no such file. A sample is a CSV or Parquet file.")
    if path.is_file() and ending_of(path.name) is None:
        raise SampleError(f"{path}: {why_no_sample(path.name)}")
    return str(path)


def key_of(file: str, task: str, sample: str | None) -> SampleKey:
    """The partition key that a sample will have.

    Raises:
        KeyNameError: the task, or the sample, cannot be called so.
    """
    check_task(task)
    try:
        return sample_key(task, sample or sample_name(file))
    except KeyNameError as error:
        if sample:
            raise
        raise KeyNameError(f"{error} Rename the file, or name the sample with --sample.") from None


def register(client: GraphQLClient, file: str, task: str, sample: str | None, options: Options) -> str:
    """Start the job that takes a sample in; return the run's id.

    Raises:
        ClientError: ANNA does not run, or refuses the settings.
    """
    return launch_run(client, registration(file, task, sample, options))


def registration(file: str, task: str, sample: str | None, options: Options) -> Json:
    """The parameters of the run that takes a sample in; what was left open is left out."""
    config: Json = {"file": file, "task": task}
    if sample is not None:
        config["sample"] = sample
    if options:
        config["options"] = options
    return run_parameters(REGISTER_JOB, REGISTER_OP, config, {TASK_TAG: task})


def follow_intake(
    client: GraphQLClient, run_id: str, key: str, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Upload]:
    """Tell where a sample is, every two seconds, until its launch exists: that comes last, and has the launch's run.

    From when the sample is in the inbox it has a content. Nothing here is a time-out, or compares times: the sample
    waits as long as it takes, and says for what.

    Args:
        client: of the instance.
        run_id: what `register` returned; where that run is cut off, Dagster's retry of it is followed.
        key: of the sample.
        sleep: waits for so many seconds.

    Raises:
        SubmitError: the sample was refused, gave way to another, or the intake does not work; with the reason.
    """
    while True:
        run = _registering(client, run_id, key, sleep)
        if (content := _content(run)) is not None:
            break
        run_id = tags_of(run).get(RETRY_TAG, run_id)
        yield Upload(key, reason=_stage(run))
        sleep(POLL_SECONDS)
    yield from _follow_inbox(client, key, content, tags_of(run).get(NOTES_TAG, "").splitlines(), sleep)


def _follow_inbox(
    client: GraphQLClient, key: str, content: str, notes: list[str], sleep: Callable[[float], None]
) -> Iterator[Upload]:
    """Follow a sample that was registered, with these notes, from the inbox to its launch."""
    # Only a look that began from here on has surely seen the file; once there was one, all of the table is later.
    before, is_seen = _last_look(client), False
    while True:
        last = _last_look(client)
        upload = next((upload for upload in read_uploads(client) if upload.key == key), None)
        if last is not None and (before is None or last["tickId"] != before["tickId"]):
            is_seen = is_seen or last["status"] != "STARTED"
        if last is None or not is_seen:
            told = Upload(
                key, reason=f"the sensor '{INBOX_SENSOR}' looks at it in a moment, as long as Dagster's daemon runs."
            )
        else:
            told = _judged(upload or _launched(client, key, content), key, content, last)
        yield replace(told, content=content, warnings=tuple(dict.fromkeys([*notes, *told.warnings])))
        if told.state is State.LAUNCHED:
            return
        sleep(POLL_SECONDS)


def _registering(client: GraphQLClient, run_id: str, key: str, sleep: Callable[[float], None]) -> Json:
    """The run that registers a sample; raises `SubmitError` where it failed for good, or is gone."""
    run = read_run(client, run_id, sleep)
    if run is None:
        raise SubmitError(f"{key} was not taken in: its run {run_id[:8]} was deleted. Submit it again.")
    if run["status"] in ("FAILURE", "CANCELED") and not _will_retry(run):
        reason = LaunchReader(client).problem(run_id) or "the run was canceled."
        raise SubmitError(f"{key} was not taken in: {reason}")
    return run


def _will_retry(run: Json) -> bool:
    """Whether a run that failed, such as one that was killed, is tried again by another."""
    return run["status"] == "FAILURE" and tags_of(run).get(WILL_RETRY_TAG) == "true"


def _stage(run: Json) -> str:
    """What a registering run that is not over is at."""
    if _will_retry(run):
        retry = tags_of(run).get(RETRY_TAG)
        return f"its check was cut off, and is tried again{f' by run {retry[:8]}' if retry else ''}."
    if run["status"] in _QUEUED:
        return "its check is queued for a free place."
    return "the sample is being checked."


def _content(run: Json) -> str | None:
    """The content that a registering run put into the inbox; None while it is at it."""
    return tags_of(run).get(CONTENT_TAG) if run["status"] == "SUCCESS" else None


def _judged(upload: Upload | None, key: str, content: str, look: Json) -> Upload:
    """What the intake says of a sample that it has surely seen."""
    if problem := problem_of(look):
        raise SubmitError(f"{key} is in the inbox, but the sensor '{INBOX_SENSOR}' fails: {problem}")
    if upload is None:
        raise SubmitError(f"{key} is no longer in the inbox: its file was removed, or another has its name.")
    if upload.content not in ("", content):  # nothing, while it settles
        raise SubmitError(f"{key} is no longer what you brought: another file, or other settings, took its place.")
    if upload.state is State.REFUSED:
        raise SubmitError(f"{key} is refused: {upload.reason}")
    return upload


def _launched(client: GraphQLClient, key: str, content: str) -> Upload | None:
    """The launch of a sample, by its run; the table of uploads holds the latest ones alone."""
    tags = [{"key": PARTITION_TAG, "value": key}, {"key": CONTENT_TAG, "value": content}]
    runs = client.expect("Runs", RUN_STATES, filter={"tags": tags}, limit=1)["results"]
    return next((Upload(key, state=State.LAUNCHED, run_id=run["runId"], content=content) for run in runs), None)


def _last_look(client: GraphQLClient) -> Json | None:
    state = client.expect("Sensor", SENSOR, selector=selector(INBOX_SENSOR, "sensorName"))["sensorState"]
    if state["status"] != "RUNNING":
        raise SubmitError(f"The sensor '{INBOX_SENSOR}' is off: switch it on in the UI under Automation.")
    return next(iter(state["ticks"]), None)
