"""What a net looks like: the part of a task's settings that shapes the model."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from anna_core.strict import Strict

EncoderName = Literal["gru", "bigru", "min_gru", "transformer"]
PoolingName = Literal["last", "mean", "max", "attention", "mean_max_last"]
NumbersName = Literal["log", "periodic", "piecewise"]
Precision = Literal["auto", "float32", "bfloat16"]

# Rotary positions rotate pairs of a head's units, half of the pairs by order and half by time.
HEAD_WIDTH_MULTIPLE = 4


class NetSpec(Strict):
    """Shape of a domain net.

    Where the defaults come from: docs/quality.md. Large sets gain from a larger width.

    Attributes:
        encoder: the sequence encoder.
        hidden: width of the encoder's state; each direction of a bidirectional GRU has half of it.
        layers: number of encoder layers.
        heads: number of attention heads (of the transformer, and of `attention` pooling).
        pooling: how the states of a row's events become one vector.
        embedding: width of the client embedding, the output of the head's last hidden layer.
        dropout: share of units zeroed while training, in the head and between the layers.
        input_dropout: share of input units zeroed while training, the same ones in all events of a row.
        numbers: how a number is presented to the net: as its standardised logarithm alone (`log`), or together with
            learned waves of it (`periodic`) or the quantiles that it exceeds (`piecewise`).
        code_width: maximum width of the vectors of a coded field. Wider vectors let nets memorise codes that few
            clients have; narrower ones hold too little.
        vocabulary: maximum number of vectors of a coded field; the rare codes of a larger dictionary share some of
            them.
        aggregates: whether the head also reads the row's aggregates. Not by default: nets gain on small real sets
            (docs/quality.md) and lose on the simulated bank; the metamodel hardly gains, as trees read them anyway.
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
        """How many of a state's last units read from the latest event to the oldest, so that they end at the oldest."""
        return self.hidden // 2 if self.encoder == "bigru" else 0

    @model_validator(mode="before")
    @classmethod
    def _moved(cls, values: object) -> object:
        """Say where a setting has moved that used to be the net's."""
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
