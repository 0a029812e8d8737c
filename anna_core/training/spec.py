"""How a net is trained: the part of a task's settings that shapes the training loop."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class TrainingSpec(BaseModel):
    """Settings of the training loop.

    Attributes:
        epochs: passes over the training rows at most.
        patience: epochs without a better validation metric after which training stops.
        batch_rows: rows of a batch at most; fewer where the sample is small.
        batch_events: padded events of a batch at most (rows x longest), which bounds memory; None takes what is fastest
            for the encoder.
        learning_rate: peak learning rate of AdamW under a one-cycle schedule.
        weight_decay: AdamW's decoupled weight decay.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folds: Annotated[int, Field(ge=1, le=20)] = 5
    seeds: Annotated[int, Field(ge=1, le=10)] = 1
    epochs: Annotated[int, Field(ge=1, le=1000)] = 12
    patience: Annotated[int, Field(ge=1, le=1000)] = 4
    batch_rows: Annotated[int, Field(ge=1, le=100_000)] = 128
    batch_events: Annotated[int, Field(ge=64, le=10_000_000)] | None = None
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 3e-3
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 1e-2
