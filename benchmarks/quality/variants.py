"""The variants that are compared: the presets, and each ingredient put in the place of the default."""

from typing import Any

from benchmarks.quality.entry import Variant

PRESETS = (
    Variant("standard", {}, True, "the default: nothing set"),
    Variant("fast", {"training": {"preset": "fast"}}, True, "preset `fast`"),
)
_INGREDIENTS: dict[str, tuple[dict[str, Any], str]] = {
    "hold-out": ({"training": {"folds": 1}}, "one net a domain, the metamodel on a fifth of the rows"),
    "aggregates": ({"net": {"aggregates": True}}, "the head reads aggregates, too"),
    "bidirectional GRU": ({"net": {"encoder": "bigru"}}, "encoder `bigru`"),
    "minGRU": ({"net": {"encoder": "min_gru", "layers": 2}}, "encoder `min_gru`, two layers"),
    "transformer": ({"net": {"encoder": "transformer", "layers": 2}}, "encoder `transformer`, two layers"),
    "attention pooling": ({"net": {"pooling": "attention"}}, "pooling `attention`"),
    "last state": ({"net": {"pooling": "last"}}, "pooling `last`"),
    "periodic numbers": ({"net": {"numbers": "periodic"}}, "numbers `periodic`"),
    "piecewise numbers": ({"net": {"numbers": "piecewise"}}, "numbers `piecewise`"),
    "spatial dropout": ({"net": {"input_dropout": 0.1}}, "`input_dropout` 0.1"),
    "width 128": ({"net": {"hidden": 128}}, "`hidden` 128"),
}
INGREDIENTS = tuple(Variant(name, options, False, says) for name, (options, says) in _INGREDIENTS.items())
VARIANTS = {variant.name: variant for variant in (*PRESETS, *INGREDIENTS)}
