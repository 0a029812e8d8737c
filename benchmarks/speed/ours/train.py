"""ANNA, supervised training: `train_domain_model`, which is what the asset `model/<domain>` calls."""

from anna_core.models.progress import EpochReport
from benchmarks.speed.contest import Stopwatch, report
from benchmarks.speed.dataset import read_dataset
from benchmarks.speed.ours.product import product_orders, train

WARM_UP_CLIENTS = 100


def main() -> None:
    """Train for some epochs; the clock is the product's own, which stands still during validation."""
    parser = product_orders(__doc__)
    parser.add_argument("--epochs", type=int, required=True)
    given = parser.parse_args()
    data = read_dataset(given.data).head(given.clients)
    train(data.head(WARM_UP_CLIENTS), given, epochs=1)
    epochs: list[EpochReport] = []
    whole = Stopwatch()
    with whole.running():
        train(data, given, given.epochs, epochs.append)
    events = int(data.length[~data.valid].sum())
    seconds = sum(events / epoch.events_per_second for epoch in epochs)
    # The CPU time of the whole call: it also holds validation, so it flatters nobody but the peers.
    watch = Stopwatch(seconds, whole.cpu_seconds)
    report(watch, events * len(epochs), metric=epochs[-1].valid_metric, whole_seconds=whole.seconds)


if __name__ == "__main__":
    main()
