"""A plain endpoint: FastAPI and PyTorch run the same nets on ready-made codes, and do nothing else.

No typing, no dictionary, no order, no windows, no trees and no metamodel: whoever asks has done all that. Run with
`--port`, this is the server; otherwise it starts it and asks it.
"""

import sys
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from anna_core.models.device import memory_kept
from anna_core.scoring.client_events import read_records
from anna_core.scoring.event_scorer import EventScorer
from anna_core.scoring.launch_model import LaunchModel
from anna_core.sequences.ragged import Sequences, SequencesMeta
from benchmarks.speed.contest import Stopwatch, orders, report
from benchmarks.speed.ours.asking import latencies, seconds_of, serving
from benchmarks.speed.ours.serving_bank import MANY, ServingBank, events_in

_KINDS = {"start": np.int64, "length": np.int32, "event_time": np.int64}


def main() -> None:
    """Serve, or ask the server for one client and for many."""
    parser = orders(__doc__)
    parser.add_argument("--port", type=int)
    given = parser.parse_args()
    bank, watch = ServingBank(given.data), Stopwatch()
    if given.port:
        serve(bank, given.port, given.threads)
        return
    scorer = EventScorer.load(bank.launch, given.threads)
    many = bank.many()
    codes = [ready_made(scorer, clients) for clients in (bank.one(), many)]

    def command(port: int) -> list[str]:
        told = ["--data", str(given.data), "--threads", str(given.threads), "--port", str(port)]
        return [sys.executable, "-m", "benchmarks.speed.ours.serve_plain", *told]

    with serving(command, given.data / "serve_plain.log") as url, watch.running():
        taken = latencies(f"{url}/score", codes[0])
        large = seconds_of(f"{url}/score", codes[1])
    report(
        watch,
        events_in(many),
        p50=float(np.median(taken)),
        p95=float(np.quantile(taken, 0.95)),
        clients_a_second=MANY / large,
    )


def ready_made(scorer: EventScorer, asked: list[dict[str, Any]]) -> dict[str, Any]:
    """Clients as the nets read them: domain → columns."""
    clients, body = read_records(asked, scorer.domains), {}
    for name, part in scorer.sequences(clients).items():
        columns = {field: np.nan_to_num(values).tolist() for field, values in part.columns.items()}
        body[name] = {kind: getattr(part, kind).tolist() for kind in _KINDS} | {
            "as_of": part.as_of.astype(np.int64).tolist(),
            "columns": columns,
        }
    return body


def serve(bank: ServingBank, port: int, threads: int) -> None:
    """Answer `/score` by the mean of the domains' scores."""
    import uvicorn
    from fastapi import FastAPI, Request

    app, model = FastAPI(), LaunchModel.load(bank.launch)
    torch.set_num_threads(threads)
    metas = {
        name: SequencesMeta(domain=net.spec.domain, cardinalities={}, data_version="")
        for name, net in model.nets.items()
    }

    @app.get("/health")
    def health() -> str:
        return "well"

    @app.post("/score")
    async def score(request: Request) -> list[float]:
        body, scores = await request.json(), []
        for name, net in model.nets.items():
            scores.append(net.predict(_sequences(metas[name], body[name]), threads).scores[:, 0])
        return np.mean(scores, axis=0).tolist()

    with memory_kept():
        uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


def _sequences(meta: SequencesMeta, given: dict[str, Any]) -> Sequences:
    count = len(given["start"])
    coded = set(meta.domain.coded)
    columns = {
        name: np.array(values, dtype=np.uint32 if name in coded else np.float32)
        for name, values in given["columns"].items()
    }
    start, length, time = (np.array(given[name], dtype=kind) for name, kind in _KINDS.items())
    as_of = np.array(given["as_of"]).astype("datetime64[D]")
    return Sequences(meta, pa.array([""] * count), as_of, start, length, time, columns)


if __name__ == "__main__":
    main()
