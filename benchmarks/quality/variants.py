"""The variants that are compared: the presets, and each ingredient put in the place of the default."""

from typing import Any

from benchmarks.quality.entry import Variant

PRESETS = (
    Variant("standard", {}, True, "the default: nothing set"),
    Variant("fast", {"training": {"preset": "fast"}}, True, "preset `fast`"),
    Variant("best", {"training": {"preset": "best"}}, True, "preset `best`"),
)
# What an ingredient gives is told of nets that read a number's logarithm alone, which was the default until the table
# spoke for `piecewise`. Most are compared on one net a domain, without trees: a fifth of the time of five.
_LOG = {"numbers": "log"}
_ONE_FOLD = {"folds": 1}
BASE = Variant("one net", {"net": _LOG, "training": _ONE_FOLD}, False, "what ingredients are held against")
FIVE_NETS = Variant("five nets", {"net": _LOG}, True, "five nets a domain")
# Name → what it changes in the net and in the training, and what it is called.
_INGREDIENTS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "aggregates": ({"aggregates": True}, {}, "the head reads aggregates, too"),
    "bidirectional GRU": ({"encoder": "bigru"}, {}, "encoder `bigru`"),
    "minGRU": ({"encoder": "min_gru", "layers": 2}, {}, "encoder `min_gru`, two layers"),
    "transformer": ({"encoder": "transformer", "layers": 2}, {}, "encoder `transformer`, two layers"),
    "attention pooling": ({"pooling": "attention"}, {}, "pooling `attention`"),
    "last state": ({"pooling": "last"}, {}, "pooling `last`"),
    "periodic numbers": ({"numbers": "periodic"}, {}, "numbers `periodic`"),
    "piecewise numbers": ({"numbers": "piecewise"}, {}, "numbers `piecewise`"),
    "spatial dropout": ({"input_dropout": 0.1}, {}, "`input_dropout` 0.1"),
    "all events": ({}, {"event_dropout": 0.0}, "`event_dropout` 0"),
    "wide codes": ({"code_width": 32}, {}, "`code_width` 32"),
    "width 128": ({"hidden": 128}, {}, "`hidden` 128"),
    "learning rate found": ({}, {"learning_rate": "auto"}, "`learning_rate` `auto`"),
}
INGREDIENTS = (
    FIVE_NETS,
    *(
        Variant(name, {"net": _LOG | net, "training": _ONE_FOLD | training}, False, says)
        for name, (net, training, says) in _INGREDIENTS.items()
    ),
)
VARIANTS = {variant.name: variant for variant in (*PRESETS, BASE, *INGREDIENTS)}
