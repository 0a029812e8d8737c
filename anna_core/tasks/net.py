"""What a net looks like: the part of a task's settings that shapes the model."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from anna_core.strict import Strict

EncoderName = Literal["gru", "bigru", "min_gru", "transformer"]
PoolingName = Literal["last", "mean", "max", "attention", "mean_max_last"]
NumbersName = Literal["log", "periodic", "piecewise"]
Precision = Literal["auto", "float32", "bfloat16"]

# Rotary positions turn pairs of a head's units, half of the pairs by order and half by time.
HEAD_WIDTH_MULTIPLE = 4


class NetSpec(Strict):
    """Shape of a domain net.

    Where the defaults come from: docs/quality.md. Large sets gain from a larger width.

    Attributes:
        encoder: the sequence encoder.
        hidden: width of the encoder's state; of a bidirectional GRU each direction has half of it.
        layers: encoder layers.
        heads: attention heads (of the transformer, and of the pooling `attention`).
        pooling: how the events' states become one vector.
        embedding: width of the client embedding, which the head's last hidden layer gives.
        dropout: share of zeroed units in the head and between the layers.
        input_dropout: share of the events' input units that are zeroed while training, for a row in all its events.
        numbers: what the net is given of a number: its standardised logarithm, and beside it nothing more (`log`),
            learned waves of it (`periodic`), or which quantiles it has passed (`piecewise`).
        code_width: width of the vectors of a coded field at most. With wider ones nets learn codes of few clients by
            heart, with narrower ones they tell too little.
        vocabulary: vectors of a coded field at most; the rare codes of a larger dictionary share some of them.
        aggregates: whether the head reads the row's aggregates, too. Not by default: nets of small real sets gain (see
            docs/quality.md), the metamodel hardly, as the trees tell it of them; nets of the simulated bank lose.
        precision: number type of the encoder's matrix products; auto takes bfloat16 where that is faster.
    """

    encoder: EncoderName = "gru"
    hidden: Annotated[int, Field(ge=8, le=2048)] = 64
    layers: Annotated[int, Field(ge=1, le=12)] = 1
    heads: Annotated[int, Field(ge=1, le=32)] = 4
    pooling: PoolingName = "mean_max_last"
    embedding: Annotated[int, Field(ge=2, le=1024)] = 32
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    input_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    numbers: NumbersName = "piecewise"
    code_width: Annotated[int, Field(ge=1, le=256)] = 16
    vocabulary: Annotated[int, Field(ge=16, le=10_000_000)] = 10_000
    aggregates: bool = False
    precision: Precision = "auto"

    @property
    def backwards(self) -> int:
        """How many of a state's last units read from the latest event to the oldest, where they have read them all."""
        return self.hidden // 2 if self.encoder == "bigru" else 0

    @model_validator(mode="before")
    @classmethod
    def _moved(cls, values: object) -> object:
        """Say where a setting went that was the net's once."""
        if isinstance(values, dict) and "event_dropout" in values:
            raise ValueError(
                "event_dropout is a setting of the training, not of the net: write "
                f"`training: {{event_dropout: {values['event_dropout']}}}`"
            )
        return values

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        if self.encoder == "transformer" and self.hidden % (self.heads * HEAD_WIDTH_MULTIPLE):
            raise ValueError(
                f"hidden ({self.hidden}) must be a multiple of {HEAD_WIDTH_MULTIPLE} x heads ({self.heads}) "
                "for a transformer"
            )
        if self.pooling == "attention" and self.hidden % self.heads:
            raise ValueError(f"hidden ({self.hidden}) must be a multiple of heads ({self.heads}) for attention pooling")
        if self.encoder == "bigru" and self.hidden % 2:
            raise ValueError(f"hidden ({self.hidden}) must be even for a bigru: each direction has half of it")
        return self
