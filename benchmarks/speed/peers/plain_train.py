"""Plain PyTorch, supervised training: length buckets and `nn.GRU` or `nn.TransformerEncoder`."""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.metrics import roc_auc_score

from benchmarks.speed.contest import Stopwatch, net_orders, report
from benchmarks.speed.dataset import read_dataset
from benchmarks.speed.peers.plain import PlainData, PlainNet
from benchmarks.speed.recipe import Step, make_step

BATCH = 128
WARM_UP_BATCHES = 2


def main() -> None:
    """Train for some epochs; the clock stands still during validation."""
    parser = net_orders(__doc__)
    parser.add_argument("--epochs", type=int, required=True)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    rng = np.random.default_rng(given.seed)
    data = read_dataset(given.data).head(given.clients)
    train, valid = (PlainData(data, np.flatnonzero(data.valid == side)) for side in (False, True))

    def epoch(net: PlainNet, step: Step, most: int | None = None) -> None:
        net.train()
        for batch in train.plan(BATCH, rng)[:most]:
            columns, length, target = train.read(batch)
            step(F.binary_cross_entropy_with_logits(net(columns, length), target))

    spare = PlainNet(data, given.encoder)
    epoch(spare, make_step(spare, WARM_UP_BATCHES), WARM_UP_BATCHES)
    net = PlainNet(data, given.encoder)
    step, watch, metric = make_step(net, given.epochs * len(train.plan(BATCH))), Stopwatch(), float("nan")
    for _ in range(given.epochs):
        with watch.running():
            epoch(net, step)
        net.eval()
        with torch.no_grad():
            read = [valid.read(batch) for batch in valid.plan(BATCH)]
            scores = torch.cat([net(columns, length) for columns, length, _ in read])
        metric = float(roc_auc_score(torch.cat([target for _, _, target in read]).numpy(), scores.numpy()))
    report(watch, given.epochs * int(data.length[~data.valid].sum()), metric=metric)


if __name__ == "__main__":
    main()
