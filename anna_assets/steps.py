"""What every step of the graph has in common: a killed one starts again, an explained problem does not.

Its log is kept to what concerns a reader.
"""

import inspect
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any

import dagster as dg

from anna_assets.passing import failure, passing
from anna_core.errors import AnnaError, ChangedMeanwhileError

_RETRY = dg.RetryPolicy(max_retries=2, delay=5)  # seconds; what killed the step may need a moment to pass


def step_asset(**settings: Any) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """`dagster.asset` for ANNA's steps.

    A step whose process dies (killed, out of memory) or that meets an unforeseen error is tried again; nothing that it
    had begun to write is ever read. So is one whose input was made anew by another step while it read. Any other
    `AnnaError` fails at once, and its message is what the run's page shows: the same input would fail the same way, and
    what waits for an observation of the source is asked for after that.
    """

    def decorate(function: Callable[..., Any]) -> dg.AssetsDefinition:
        return dg.asset(retry_policy=_RETRY, **settings)(explained(function))

    return decorate


def explained(function: Callable[..., Any]) -> Callable[..., Any]:
    """Turn an `AnnaError` of a step into a failure that Dagster shows as it is; it is retried only if that can help.

    A full disk and too little memory are explained likewise. The step may be a generator of events.
    """

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        with _explaining():
            return function(*args, **kwargs)

    @wraps(function)
    def run_events(*args: Any, **kwargs: Any) -> Iterator[Any]:
        with _explaining():
            yield from function(*args, **kwargs)

    return run_events if inspect.isgeneratorfunction(function) else run


@contextmanager
def _explaining() -> Iterator[None]:
    context = dg.OpExecutionContext.get()
    context.log.addFilter(_is_news)
    try:
        _refuse_variables(context.run.run_config)
        yield
    except AnnaError as error:
        raise failure(error, passing(error), isinstance(error, ChangedMeanwhileError)) from error
    except Exception as error:
        if (what := passing(error)) is None:
            raise
        raise failure(error, what, allow_retries=True) from error


def _refuse_variables(filled_in: object, place: str = "") -> None:
    """Refuse a form that asks for variables of the server's environment, as Dagster allows: some hold passwords.

    What is filled in is shown on pages, stays in the ledger, and is sent to whoever is told of presses.
    """
    if isinstance(filled_in, Mapping):
        if set(filled_in) == {"env"}:
            raise AnnaError(f"`{place}` asks for a variable of the server's environment: write the words themselves.")
        for name, value in filled_in.items():
            _refuse_variables(value, str(name))


def _is_news(record: logging.LogRecord) -> bool:
    """Leave out a false alarm of Dagster's.

    Where a step makes several partitions and checks them, it compares their data version with the asset's latest one,
    which another run may have given another partition meanwhile, and warns that they differ.
    """
    return not record.getMessage().startswith("Data version mismatch for asset ")
