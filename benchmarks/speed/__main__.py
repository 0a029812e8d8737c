"""Measure ANNA's speed beside its peers: print the table, write benchmarks/results.json, docs/speed.md and its plot."""

import argparse
import datetime as dt
import os
import sys
from pathlib import Path

from benchmarks.places import ROOT
from benchmarks.speed import machine, page, plot, table
from benchmarks.speed.harness import Bench, ContestantFailedError
from benchmarks.speed.pieces import PIECES, find
from benchmarks.speed.results import Piece, Results

FOLDER = ROOT / ".bench"
BUSY_LOAD = 0.5  # processes that were running beside us in the last minute, from which figures suffer


def main() -> None:
    """Run the pieces that are asked for; the others keep what they found before."""
    given = _arguments()
    names = given.pieces or list(PIECES)
    if (load := os.getloadavg()[0]) > BUSY_LOAD:
        _say(f"This machine is busy (load {load:.1f}): the figures will be worse, and ratios uncertain.")
    looked, failed = machine.look(given.peers), []
    for name in names:
        _say(f"{name} …")
        bench = Bench(given.rounds, given.threads, given.folder, given.peers, looked, *_sizes(given))
        try:
            rows = find(name)(bench)
        except ContestantFailedError as error:
            failed.append(name)
            _say(str(error))
        else:
            _keep(name, Piece(measured=_now(), machine=looked, rows=rows, runs=bench.runs))
    results = Results.load()
    plot.write(results.rows)
    page.write(results)
    print(table.render([row for name in names if name not in failed for row in results.pieces[name].rows]))
    if failed:
        sys.exit(f"Not measured, see above: {', '.join(failed)}.")


def _keep(name: str, piece: Piece) -> None:
    """Put a piece into results.json at once, so that a long run that ends early has not run for nothing."""
    pieces = {**Results.load().pieces, name: piece}
    Results(pieces={known: pieces[known] for known in PIECES if known in pieces}).save()


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("pieces", nargs="*", metavar="piece", help=f"of {', '.join(PIECES)}; all by default")
    parser.add_argument("--rounds", type=int, default=3, help="how often each contestant runs (default 3)")
    parser.add_argument("--threads", type=int, default=machine.cores(), help="of each contestant (default: all cores)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where data sets lie between runs")
    parser.add_argument("--peers", type=Path, default=FOLDER / "venv" / "bin" / "python", help="the peers' Python")
    parser.add_argument("--retro-clients", type=int, default=100_000, help="clients of the retro piece's bank")
    parser.add_argument("--scale-events", default="1e6,1e7,1e8", help="sizes of the scale piece's banks")
    given = parser.parse_args()
    if unknown := sorted(set(given.pieces) - set(PIECES)):
        parser.error(f"no piece is called {', '.join(unknown)}; there are {', '.join(PIECES)}.")
    if not given.peers.exists():
        parser.error(f"no Python of the peers at {given.peers}: `make bench` sets it up, or name one with --peers.")
    # Not resolved: the Python of a virtual environment is a link, and what it links to knows nothing of it.
    given.folder, given.peers = given.folder.absolute(), given.peers.absolute()
    return given


def _sizes(given: argparse.Namespace) -> tuple[int, tuple[int, ...]]:
    return given.retro_clients, tuple(int(float(size)) for size in given.scale_events.split(","))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
