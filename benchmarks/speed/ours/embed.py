"""ANNA, inference: `DomainModel.predict`, which is what the assets `embedding/…` and `retro/embedding/…` call."""

from benchmarks.speed.contest import Stopwatch, report
from benchmarks.speed.dataset import read_dataset
from benchmarks.speed.ours.product import make_sequences, product_orders, train

TRAINING_CLIENTS = 100  # the weights do not matter for speed


def main() -> None:
    """Embed all clients once."""
    parser = product_orders(__doc__)
    given = parser.parse_args()
    data = read_dataset(given.data).head(given.clients)
    few = data.head(TRAINING_CLIENTS)
    model = train(few, given, epochs=1)
    model.predict(make_sequences(few), threads=given.threads)
    sequences, watch = make_sequences(data), Stopwatch()
    with watch.running():
        model.predict(sequences, threads=given.threads)
    report(watch, data.length.sum())


if __name__ == "__main__":
    main()
