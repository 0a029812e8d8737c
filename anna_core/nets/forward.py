"""Runs a net over many rows without autograd."""

import numpy as np
import torch

from anna_core.nets.batch import EventStore
from anna_core.nets.batching import length_batches
from anna_core.nets.domain_net import DomainNet

# Events and rows of a batch at most: the more rows a step has, the better the products. GRU of width 256 in bfloat16,
# two threads: 220,000 to 280,000 events a second with (32,768, 256), 290,000 to 410,000 with these.
_CPU_BATCH = (262_144, 1024)
_GPU_BATCH = (524_288, 4096)


def forward_rows(net: DomainNet, store: EventStore, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Embed and score some rows, all of which have events.

    The batches depend on the rows' lengths only, so the same rows give the same result bit for bit.

    Args:
        net: on the store's device; its training mode is left as it was.
        store: of sequences of the net's domain.
        rows: (n,) positions.

    Returns:
        Embeddings (n, d) and logits (n, K), float32, in the order of `rows`.
    """
    embedding = np.zeros((len(rows), net.spec.embedding), dtype=np.float32)
    logits = np.zeros((len(rows), net.output.out_features), dtype=np.float32)
    batch_events, batch_rows = _CPU_BATCH if store.device.type == "cpu" else _GPU_BATCH
    training = net.training
    net.eval()
    with torch.inference_mode():
        batches = length_batches(store.length[rows], batch_rows, batch_events)
        for batch, events in zip(batches, store.batches(rows[batch] for batch in batches), strict=True):
            result = net(events)
            embedding[batch] = result.embedding.cpu().numpy()
            logits[batch] = result.logits.cpu().numpy()
    net.train(training)
    return embedding, logits
