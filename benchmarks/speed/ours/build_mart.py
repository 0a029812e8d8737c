"""ANNA, raw events → marts: `build_mart`, month by month, as the asset `mart/<domain>` does."""

import tempfile
from pathlib import Path

from benchmarks.speed.contest import Stopwatch, orders, report
from benchmarks.speed.ours.bank_domain import build_marts, month_dates


def main() -> None:
    """Build all months, the first one once before for warming up."""
    given = orders(__doc__).parse_args()
    with tempfile.TemporaryDirectory(dir=given.data) as name:
        folder, watch = Path(name), Stopwatch()
        build_marts(given.data, folder / "warm", month_dates()[:1])
        with watch.running():
            events = build_marts(given.data, folder / "timed", month_dates())
    report(watch, events)


if __name__ == "__main__":
    main()
