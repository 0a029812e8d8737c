"""The naive loop, marts → sequences: group by client, cut each row's window with a mask, keep arrays."""

import numpy as np
import pandas as pd

from benchmarks.speed.contest import Stopwatch, orders, report
from benchmarks.speed.sample import ROWS, digest

WARM_UP_ROWS = 100


def main() -> None:
    """Cut the sequences of all rows of the sample; nothing is written."""
    parser = orders(__doc__)
    for option in ("--lookback-days", "--lag-days", "--max-length"):
        parser.add_argument(option, type=int, required=True)
    given = parser.parse_args()
    rows = pd.read_parquet(given.data / ROWS)
    rows["as_of"] = pd.to_datetime(rows["as_of"])
    lookback, lag = (pd.Timedelta(days=days) for days in (given.lookback_days, given.lag_days))

    def cut(rows: pd.DataFrame) -> list[dict[str, np.ndarray]]:
        files = sorted((given.data / "mart").rglob("*.parquet"))
        events = pd.concat([pd.read_parquet(file, partitioning=None) for file in files])
        clients = dict(list(events.groupby("client_id")))
        nothing = events.head(0)
        sequences = []
        for client, as_of in zip(rows["client_id"], rows["as_of"], strict=True):
            own = clients.get(client, nothing)
            time = own["event_time"]
            seen = own[(time >= as_of - lookback) & (time < as_of - lag)].sort_values("event_time")
            sequences.append({name: seen[name].to_numpy()[-given.max_length :] for name in seen.columns})
        return sequences

    watch = Stopwatch()
    cut(rows.head(WARM_UP_ROWS))
    with watch.running():
        made = cut(rows)
    lengths = np.array([len(sequence["event_time"]) for sequence in made])
    report(watch, lengths.sum(), lengths=digest(lengths))


if __name__ == "__main__":
    main()
