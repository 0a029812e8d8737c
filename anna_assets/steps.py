"""What every step of the graph has in common: a killed one starts again, an explained problem does not."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import dagster as dg

from anna_core.errors import AnnaError, ChangedMeanwhileError

_RETRY = dg.RetryPolicy(max_retries=2, delay=5)  # seconds; what killed the step may need a moment to pass


def step_asset(**settings: Any) -> Callable[[Callable[..., dg.MaterializeResult]], dg.AssetsDefinition]:
    """`dagster.asset` for ANNA's steps.

    A step whose process dies (killed, out of memory) or that meets an unforeseen error is tried again; nothing that it
    had begun to write is ever read. So is one whose input was made anew while it read. Any other `AnnaError` fails at
    once, and its message is what the run's page shows: the same input would fail the same way.
    """

    def decorate(function: Callable[..., dg.MaterializeResult]) -> dg.AssetsDefinition:
        return dg.asset(retry_policy=_RETRY, **settings)(explained(function))

    return decorate


def explained(function: Callable[..., Any]) -> Callable[..., Any]:
    """Turn an `AnnaError` of a step into a failure that Dagster shows as it is; it is retried only if that can help."""

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except AnnaError as error:
            raise dg.Failure(str(error), allow_retries=isinstance(error, ChangedMeanwhileError)) from error

    return run
