"""Plain PyTorch, inference: sorted by length, packed where the encoder can be, under `inference_mode`."""

import numpy as np
import torch

from benchmarks.speed.contest import Stopwatch, net_orders, report
from benchmarks.speed.dataset import read_dataset
from benchmarks.speed.peers.plain import PlainData, PlainNet

BATCH = 128
WARM_UP_BATCHES = 2


def main() -> None:
    """Embed all clients once."""
    parser = net_orders(__doc__)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    # PyTorch's own "fast path" of transformer layers took 1.6 times as long here as the layers themselves.
    torch.backends.mha.set_fastpath_enabled(False)
    data = read_dataset(given.data).head(given.clients)
    net, clients, watch = (
        PlainNet(data, given.encoder).eval(),
        PlainData(data, np.arange(len(data.length))),
        Stopwatch(),
    )
    with torch.inference_mode():
        for batch in clients.plan(BATCH)[:WARM_UP_BATCHES]:
            net.embed(*clients.read(batch)[:2])
        with watch.running():
            torch.cat([net.embed(*clients.read(batch)[:2]) for batch in clients.plan(BATCH)])
    report(watch, data.length.sum())


if __name__ == "__main__":
    main()
