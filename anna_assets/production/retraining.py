"""A fresh candidate where production's scores have become wrong: trained on the outcomes that came since.

It comes in by the inbox as any sample does, and is never promoted by itself.
"""

import datetime as dt

import polars as pl

from anna_core.errors import AnnaError
from anna_core.keys import SampleKey, sample_key
from anna_core.samples.column_names import AS_OF, CLIENT, GROUP, WEIGHT
from anna_core.samples.inbox import upload_files, upload_lock
from anna_core.samples.outcomes import plain_targets
from anna_core.samples.resting import stamps_of
from anna_core.samples.sample import Sample
from anna_core.samples.staging import stage_sample
from anna_core.storage import scratch_folder
from anna_core.tasks.task import Retrain, Task, TaskRequest
from anna_resources.ledger.ledger import Ledger
from anna_resources.settings import load_settings
from anna_resources.warehouse import Warehouse


def retrain(warehouse: Warehouse, tag: str) -> str:
    """Bring a sample for a launch in place of a champion, unless that was done by the same outcomes.

    The sample has the rows that the champion was trained and judged on, and every outcome that is known of dates
    up to the last that was scored. It is called after the month as of whose end the newest of them are: where those of
    many months come at once, one launch learns of all.

    Args:
        warehouse: of the deployment.
        tag: of the champion.

    Returns:
        What became of it, as a sentence.
    """
    kept = warehouse.candidate(tag)
    task = kept.facts().task
    if task.retrain is not Retrain.ON_DRIFT:
        return "Not asked for: `retrain: on_drift` in the task's settings has a fresh candidate trained."
    scores, outcomes = warehouse.production(task.name).of_all_cadences(), warehouse.outcomes(task.name).read()
    if outcomes is not None:  # a date beyond all that was scored is a mistake, whatever is said to have come of it
        outcomes = outcomes.filter(
            pl.col(AS_OF) <= max(done.as_of for one in scores for done in one.readable().values())
        )
    if outcomes is None or outcomes.is_empty():
        return f"No outcome is known to train on: bring them to inbox/{task.name}/outcomes."
    sample = kept.sample()
    newest, last = (max(rows[AS_OF].unique().to_list()) for rows in (sample.rows, outcomes))
    if last <= newest:
        return f"No outcome is known that is newer than the {newest} of {tag}'s sample: there is nothing new to learn."
    key, settings = sample_key(task.name, f"retrain-{last - dt.timedelta(days=1):%Y-%m}"), load_settings()
    with upload_lock(warehouse.upload_locks, str(key)):  # two months may be looked at at once
        if upload_files(settings.inbox, str(key)) or Ledger.of(settings).tags(str(key)):
            return f"{key} was brought for it."
        try:
            rows = _bring(warehouse, key, _rows(sample, outcomes), task)
        except AnnaError as error:
            return f"No candidate could be trained: {error}"
    return f"{key} is in the inbox, {rows:,} rows up to {last}: its launch is a candidate, to be promoted by a press."


def _rows(sample: Sample, outcomes: pl.DataFrame) -> pl.DataFrame:
    """The rows of both; of one client and date, the outcome stands."""
    groups = [GROUP] if GROUP in sample.rows.columns else []
    known = sample.rows.select(CLIENT, AS_OF, WEIGHT, *groups).with_columns(plain_targets(sample.rows, sample.task))
    return pl.concat([known.join(outcomes, on=[CLIENT, AS_OF], how="anti"), outcomes], how="diagonal")


def _bring(warehouse: Warehouse, key: SampleKey, rows: pl.DataFrame, task: Task) -> int:
    """Put rows into the inbox, with the settings of the launch that they are to follow; return their number.

    The caller holds the sample's lock.
    """
    options = task.model_dump(mode="json", include=set(TaskRequest.model_fields))
    folder = warehouse.outcomes(key.task).path
    with scratch_folder(folder) as scratch:
        file = scratch / f"{key.sample}.parquet"
        rows.write_parquet(file)
        return len(stage_sample(str(file), key, options, load_settings().inbox, stamps_of(str(file))))
