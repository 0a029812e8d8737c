"""Which vector a code has: its own or, in the long tail of a large dictionary, one that it shares with others.

A hundred thousand merchants would mean three million weights, most of them trained on an event or two. The most
frequent codes have vectors of their own; the others share the rest, by a hash that never changes (Weinberger et al.,
"Feature Hashing for Large Scale Multitask Learning", 2009).
"""

import numpy as np

# The tail's share of the vectors. By Zipf's law, of 100,000 codes the 7,500 that then have one of 10,000 vectors for
# themselves make up nearly 80% of the events.
_TAIL_SHARE = 0.25
# Knuth's multiplicative hash: 2^32 over the golden ratio (The Art of Computer Programming, vol. 3, section 6.4).
_KNUTH = 2_654_435_761


def most_frequent(codes: np.ndarray, cardinality: int, vectors: int) -> tuple[int, ...]:
    """The codes that get vectors of their own, in a dictionary with more codes than vectors.

    Args:
        codes: (N,) integers of the training events.
        cardinality: number of codes in the dictionary, including 0 (unknown).
        vectors: maximum number of vectors for the field, including that of unknown.

    Returns:
        Codes that occur, the most frequent first; among equally frequent ones, the smaller first.
    """
    counts = np.bincount(codes[codes < cardinality].astype(np.int64), minlength=cardinality)[1:]
    own = vectors - 1 - _tail(vectors)
    order = np.argsort(-counts, kind="stable")[:own]
    return tuple((order[counts[order] > 0] + 1).tolist())


def slots(cardinality: int, frequent: tuple[int, ...], vectors: int) -> np.ndarray:
    """The vector of each code in a dictionary with more codes than vectors.

    Args:
        cardinality: number of codes, including 0.
        frequent: codes, the most frequent first; as many as there is room for get a vector of their own.
        vectors: number of vectors for the field, including that of unknown.

    Returns:
        (cardinality,) int64, below `vectors`; 0 for code 0 only.
    """
    tail = _tail(vectors)
    own = np.asarray(frequent[: vectors - 1 - tail], dtype=np.int64)
    hashed = (np.arange(cardinality, dtype=np.uint64) * np.uint64(_KNUTH)) & np.uint64(0xFFFF_FFFF)
    # The high bits are well mixed; they choose among the last `tail` vectors.
    found = vectors - tail + ((hashed * np.uint64(tail)) >> np.uint64(32)).astype(np.int64)
    found[0] = 0
    found[own] = np.arange(1, len(own) + 1)
    return found


def _tail(vectors: int) -> int:
    return max(1, int(vectors * _TAIL_SHARE))
