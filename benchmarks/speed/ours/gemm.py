"""The machine's limit: how many events' worth of matrix products it can do a second.

A GRU of width 256 on 35 inputs takes 1.34 MFLOP an event, forward and backward, all of it in matrix products of K = 256
and N = 768 (and their transposes). The fastest of several M is taken: no net can do better than this.
"""

import time

import torch

from benchmarks.speed.contest import Stopwatch, orders, report
from benchmarks.speed.shapes import GRU_WIDTH, TRAINING_FLOP_AN_EVENT

ROWS = (256, 512, 1024, 2048)
PROBE_SECONDS, TIMED_SECONDS = 0.5, 2.0


def main() -> None:
    """Probe all shapes, then time the fastest."""
    parser = orders(__doc__)
    parser.add_argument("--precision", choices=("fp32", "bf16"), required=True)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    dtype = torch.float32 if given.precision == "fp32" else torch.bfloat16
    rates = {rows: multiply(rows, dtype, PROBE_SECONDS)[0] for rows in ROWS}
    best = max(rates, key=lambda rows: rates[rows])
    watch = Stopwatch()
    with watch.running():
        rate, flop = multiply(best, dtype, TIMED_SECONDS)
    report(watch, flop / TRAINING_FLOP_AN_EVENT, gflop_a_second=rate / 1e9, rows=best)


def multiply(rows: int, dtype: torch.dtype, seconds: float) -> tuple[float, float]:
    """Multiply (rows, 256) by (256, 768) for so long; FLOP a second, and FLOP done."""
    left, right = torch.randn(rows, GRU_WIDTH).to(dtype), torch.randn(GRU_WIDTH, 3 * GRU_WIDTH).to(dtype)
    out = torch.empty(rows, 3 * GRU_WIDTH, dtype=dtype)
    with torch.inference_mode():
        torch.mm(left, right, out=out)
        began, count = time.perf_counter(), 0
        while (passed := time.perf_counter() - began) < seconds:
            torch.mm(left, right, out=out)
            count += 1
    flop = 2.0 * rows * GRU_WIDTH * 3 * GRU_WIDTH * count
    return flop / passed, flop


if __name__ == "__main__":
    main()
