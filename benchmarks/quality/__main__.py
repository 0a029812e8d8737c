"""Train every variant on every task and split, keep what was found, and write docs/quality.md.

Entries that benchmarks/quality.jsonl already has are not trained again; `--again` does.
"""

import argparse
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from benchmarks.places import ROOT, real_data
from benchmarks.quality import page
from benchmarks.quality.contests import REAL, SIMULATED, Contest, prepare
from benchmarks.quality.entry import Entry, Variant, enter
from benchmarks.quality.results import Results
from benchmarks.quality.variants import VARIANTS

FOLDER = ROOT / ".bench" / "quality"


def main() -> None:
    """Run what is asked for and lacks."""
    given = _arguments()
    contests = [one for one in (*REAL, *SIMULATED) if not given.tasks or {one.task, str(one)} & set(given.tasks)]
    if not real_data().is_dir():
        print(f"Skipped: no real data at {real_data()}. Set ANNA_REAL_DATA to the folder that holds it.")
        contests = [one for one in contests if one.simulated]
    results = Results.load()
    wanted = [
        (contest, seed, VARIANTS[name])
        for name in given.variants
        for seed in range(given.seeds)
        for contest in contests
        if given.again or not results.has(str(contest), name, seed)
    ]
    given.folder.mkdir(parents=True, exist_ok=True)
    for contest in dict.fromkeys(contest for contest, _, _ in wanted):
        prepare(contest, given.folder)
    failed = _run(wanted, given.folder, given.processes)
    page.write(Results.load())
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}.")


def _run(wanted: list[tuple[Contest, int, Variant]], folder: Path, processes: int) -> list[str]:
    """Train side by side, one thread each; each entry is kept at once."""
    failed = []
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        waiting = {pool.submit(enter, *one, folder): one for one in wanted}
        for done in as_completed(waiting):
            contest, seed, variant = waiting[done]
            try:
                entry = done.result()
            except Exception as error:  # noqa: BLE001  (told at once and at the end; the others go on)
                failed.append(f"{contest} {variant.name} {seed}")
                print(f"{failed[-1]}: {error}", file=sys.stderr, flush=True)
            else:
                Results.load().add(entry).save()
                print(_line(entry), flush=True)
    return failed


def _line(entry: Entry) -> str:
    told = "  ".join(f"{name} {value:.4f}" for name, value in entry.values.items() if name != "constant")
    return f"{entry.contest} {entry.variant} {entry.seed}: {told}  ({sum(entry.seconds.values()):.0f} s)"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("variants", nargs="*", default=["standard"], help=f"of {', '.join(VARIANTS)}; standard")
    parser.add_argument("--tasks", nargs="*", help="`outflow`, `bank 0/churn` and the like; all by default")
    parser.add_argument("--seeds", type=int, default=5, help="splits, from 0 on (default 5)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="entries at a time")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where data lie between runs")
    parser.add_argument("--again", action="store_true", help="train entries anew that are there")
    given = parser.parse_args()
    if unknown := sorted(set(given.variants) - set(VARIANTS)):
        parser.error(f"no variant is called {', '.join(unknown)}; there are {', '.join(VARIANTS)}.")
    return given


if __name__ == "__main__":
    main()
