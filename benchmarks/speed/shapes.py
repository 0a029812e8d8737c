"""The nets' shapes, the same for everybody."""

from dataclasses import dataclass

GRU_WIDTH = 256
WIDEST_EMBEDDING = 32  # of a category
# 6 FLOP a weight (2 forward, 4 backward) of the GRU's matrices, (35 inputs + 256) x 768: dataset.CARDINALITIES.
TRAINING_FLOP_AN_EVENT = 1.34e6
INFERENCE_SHARE = 1 / 3  # of the arithmetic of training: the forward pass


@dataclass(frozen=True)
class TransformerShape:
    """A transformer encoder; `feed_forward` is four times the width, as in ANNA's."""

    width: int = 128
    layers: int = 2
    heads: int = 4
    feed_forward: int = 512


TRANSFORMER = TransformerShape()
