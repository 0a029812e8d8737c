"""Runs a net over many rows without autograd."""

import numpy as np
import torch

from anna_core.nets.batch import EventStore
from anna_core.nets.batching import length_batches
from anna_core.nets.domain_net import DomainNet

_CPU_ROWS = 1024  # of a batch at most
_GPU_BATCH = (524_288, 4096)  # events and rows of a batch at most


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
    cpu = store.device.type == "cpu"
    batch_events, batch_rows = (net.encoder.scoring_events, _CPU_ROWS) if cpu else _GPU_BATCH
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
