"""Runs a net over many rows without autograd."""

import numpy as np
import torch

from anna_core.nets.batch import gather
from anna_core.nets.batching import length_batches
from anna_core.nets.domain_net import DomainNet
from anna_core.sequences.ragged import Sequences

# Without autograd nothing is kept, so batches may be larger than in training; these keep a batch's states (events x
# width x 4 bytes) within tens of megabytes.
_BATCH_EVENTS = 65_536
_BATCH_ROWS = 1024


def forward_rows(net: DomainNet, sequences: Sequences, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Embed and score some rows, all of which have events.

    The batches depend on the rows' lengths only, so the same rows give the same result bit for bit.

    Args:
        net: on the device where it shall compute; its training mode is left as it was.
        sequences: of the net's domain.
        rows: (n,) positions.

    Returns:
        Embeddings (n, d) and logits (n, K), float32, in the order of `rows`.
    """
    device = next(net.parameters()).device
    embedding = np.zeros((len(rows), net.spec.embedding), dtype=np.float32)
    logits = np.zeros((len(rows), net.output.out_features), dtype=np.float32)
    training = net.training
    net.eval()
    with torch.inference_mode():
        for batch in length_batches(sequences.length[rows], _BATCH_ROWS, _BATCH_EVENTS):
            result = net(gather(sequences, rows[batch]).to(device))
            embedding[batch] = result.embedding.cpu().numpy()
            logits[batch] = result.logits.cpu().numpy()
    net.train(training)
    return embedding, logits
