"""Runs nets over many rows without autograd."""

from collections.abc import Sequence

import numpy as np
import torch

from anna_core.models.nets.batch import EventStore
from anna_core.models.nets.batching import length_batches
from anna_core.models.nets.domain_net import DomainNet

_CPU_ROWS = 1024  # maximum number of rows in a batch
_GPU_BATCH = (524_288, 4096)  # maximum numbers of events and rows in a batch


def forward_rows(nets: Sequence[DomainNet], store: EventStore, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Embed and score some rows, all of which have events, with several nets of one domain in a single pass over them.

    Batches depend only on the rows' lengths, so the same rows give the same result bit for bit.

    Args:
        nets: M nets of one spec, on the store's device; their training mode is left as it was.
        store: the events of the nets' domain.
        rows: (n,) positions of the rows.

    Returns:
        Embeddings (M, n, d) and logits (M, n, K), float32, in the order of `nets` and `rows`.
    """
    first = nets[0]
    embedding = np.zeros((len(nets), len(rows), first.spec.embedding), dtype=np.float32)
    logits = np.zeros((len(nets), len(rows), first.output.out_features), dtype=np.float32)
    cpu = store.device.type == "cpu"
    batch_events, batch_rows = (first.encoder.scoring_events, _CPU_ROWS) if cpu else _GPU_BATCH
    training = [net for net in nets if net.training]
    for net in training:
        net.eval()
    with torch.inference_mode():
        batches = length_batches(store.length[rows], batch_rows, batch_events)
        for batch, events in zip(batches, store.batches(rows[batch] for batch in batches), strict=True):
            for place, result in enumerate(DomainNet.outputs(nets, events)):
                embedding[place, batch] = result.embedding.cpu().numpy()
                logits[place, batch] = result.logits.cpu().numpy()
    for net in training:
        net.train()
    return embedding, logits
