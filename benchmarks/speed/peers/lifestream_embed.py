"""pytorch-lifestream, inference: its collation and its encoder without autograd, all clients once."""

import contextlib

import torch

from benchmarks.speed.contest import Stopwatch, net_orders, report
from benchmarks.speed.dataset import read_dataset
from benchmarks.speed.peers.lifestream import inference_batches, make_net, make_records

WARM_UP_CLIENTS = 100


def main() -> None:
    """Embed all clients once."""
    parser = net_orders(__doc__)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--autocast", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    precision = torch.autocast("cpu", torch.bfloat16) if given.autocast else contextlib.nullcontext()
    data = read_dataset(given.data).head(given.clients)
    encoder = make_net(data, given.encoder).seq_encoder.eval()
    records, watch = make_records(data, list(range(len(data.length)))), Stopwatch()
    with torch.no_grad(), precision:
        for events in inference_batches(records[:WARM_UP_CLIENTS], given.batch):
            encoder(events)
        with watch.running():
            torch.cat([encoder(events) for events in inference_batches(records, given.batch)])
    report(watch, data.length.sum())


if __name__ == "__main__":
    main()
