"""What a training step says while it trains: a log line and an observation an epoch, and a point in MLflow's curves."""

import datetime as dt
import math
from collections.abc import Callable

import dagster as dg

from anna_core.models.progress import EpochReport
from anna_resources.tracking.record import Part


def follow(context: dg.AssetExecutionContext, key: dg.AssetKey, part: Part) -> Callable[[EpochReport], None]:
    """A listener for a training loop.

    The observation carries the same figures as metadata, so that a client of the GraphQL API can draw progress bars and
    the asset's page draws them over time.
    """

    def on_epoch(report: EpochReport) -> None:
        left = dt.timedelta(seconds=round(report.seconds_left))
        net = f"net {report.net}/{report.nets}  " if report.nets > 1 else ""
        rate = "" if report.learning_rate is None else f"learning rate {report.learning_rate:g}  "
        line = (
            f"{net}epoch {report.epoch}/{report.epochs}  {report.metric} {report.valid_metric:.4f}"
            f"{' (kept)' if report.best else ''}  loss {report.train_loss:.4f}/{report.valid_loss:.4f}  "
            f"{rate}{report.events_per_second:,.0f} events/s  at most {left} left"
            f"{'  shortened to fit the budget' if report.bound else ''}"
        )
        context.log.info(line)
        figures = {name: value for name, value in vars(report).items() if not _is_nan(value)}
        context.log_event(dg.AssetObservation(key, partition=context.partition_key, description=line, metadata=figures))
        part.log_epoch(report)

    return on_epoch


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
