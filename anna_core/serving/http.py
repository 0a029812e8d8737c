"""A launch's model behind HTTP: clients with their raw events in JSON, scores in JSON.

`POST /invocations` takes and gives what `mlflow models serve` does, so whoever asks need not know which one answers.
The process listens once the model is loaded: `GET /health` says that it lives, `GET /ready` which model answers.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import polars as pl
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from anna_core.errors import AnnaError
from anna_core.models.device import memory_kept
from anna_core.scoring.event_scorer import EventScorer

MOST_BYTES = 64 * 2**20  # of a request: some 1,000 clients with 512 events in three domains
_FORM = '{"params": {"as_of": "2025-01-01"}, "dataframe_records": [{"client_id": "17", "events": {…}}]}'


class RefusedError(AnnaError):
    """A request cannot be answered.

    Attributes:
        status: of HTTP.
    """

    def __init__(self, status: int, told: str) -> None:
        super().__init__(told)
        self.status = status


def app(scorer: EventScorer) -> Starlette:
    """The application; it answers one request after another, with all threads."""
    one = anyio.CapacityLimiter(1)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        with memory_kept():
            yield

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def ready(_: Request) -> Response:
        return JSONResponse({"status": "ready", "model": scorer.model.facts.tag})

    async def invocations(request: Request) -> Response:
        content = await _body(request)
        try:
            return JSONResponse(await anyio.to_thread.run_sync(_answer, scorer, content, limiter=one))
        except RefusedError:
            raise
        except AnnaError as error:
            raise RefusedError(400, str(error)) from error

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, RefusedError), "it is registered for these"
        told = str(error).encode(errors="backslashreplace").decode()  # a name in it may hold half a sign of Unicode
        return JSONResponse({"error_code": _CODES[error.status], "message": told}, error.status)

    routes = [
        Route("/health", health),
        Route("/ready", ready),
        Route("/invocations", invocations, methods=["POST"]),
    ]
    return Starlette(routes=routes, exception_handlers={RefusedError: refused}, lifespan=lifespan)


def serve(model: Path, host: str, port: int, threads: int) -> None:
    """Load the model, then answer HTTP until the process is told to end.

    Raises:
        ArtifactError: there is no model, or it is damaged.
    """
    import uvicorn

    uvicorn.run(app(EventScorer.load(model, threads)), host=host, port=port, log_level="info")


# As MLflow calls them.
_CODES = {400: "BAD_REQUEST", 413: "BAD_REQUEST"}


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    try:
        async for part in request.stream():
            parts.append(part)
            size += len(part)
            if size > MOST_BYTES:
                raise RefusedError(413, f"A request may have {MOST_BYTES:,} bytes: send fewer clients in each.")
    except ClientDisconnect as error:
        raise RefusedError(400, "The request was cut off.") from error
    return b"".join(parts)


def _answer(scorer: EventScorer, content: bytes) -> dict[str, Any]:
    try:
        given = json.loads(content)
    except (ValueError, RecursionError) as error:  # no text, no JSON, or nested without end
        raise RefusedError(400, f"The request is no JSON ({error}): send {_FORM}.") from error
    records = given.get("dataframe_records") if isinstance(given, dict) else None
    params = given.get("params") or {} if isinstance(given, dict) else None
    if not isinstance(records, list) or not isinstance(params, dict):
        raise RefusedError(400, f"`dataframe_records` should be a list of clients: send {_FORM}.")
    if odd := sorted(given.keys() - {"dataframe_records", "params"}) + sorted(params.keys() - {"as_of"}):
        raise RefusedError(400, f"Not known: {', '.join(odd)}. Send {_FORM}.")
    scores = scorer.answer(records, params.get("as_of")).scores
    return {"predictions": scores.with_columns(pl.col("as_of").cast(pl.String)).to_dicts()}
