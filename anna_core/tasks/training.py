"""How a net is trained: the part of a task's settings that shapes the training loop."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from anna_core.strict import Strict
from anna_core.tasks.presets import PRESETS, PresetName, preset_settings

Found = Literal["auto"]  # in place of a learning rate: `anna_core.models.training.learning_rate` finds one
USUAL_RATE = 3e-3  # the best of four on real domains of a few thousand rows (docs/quality.md)
_STANDARD = PRESETS["standard"]


class TrainingSpec(Strict):
    """Settings of the training loop; where the defaults come from: docs/quality.md.

    Attributes:
        preset: gives folds, seeds, epochs, patience and budget where they are left out (`anna_core.tasks.presets`).
        folds: of cross-fitting: net k is fitted on the rows outside fold k and stopped on those within; 1: a single
            net, stopped on the validation rows; not 2, since the validation rows are fold 0: they alone are too few to
            fit the other fold's net on.
        seeds: nets of a fold, whose outputs are averaged.
        epochs: passes over the training rows at most.
        patience: epochs clearly worse than the best so far after which training stops.
        budget: seconds that the training of a domain's nets, or of a set of trees, may take; None: as long as it takes.
            Fewer epochs are planned where it does not allow more, and boosters stop.
        batch_rows: rows of a batch at most; fewer where the sample is small.
        batch_events: padded events of a batch at most (rows x longest), which bounds memory; None takes what is fastest
            for the encoder.
        learning_rate: peak learning rate of AdamW under a one-cycle schedule; `auto`: found for each domain of the task
            by training its first net at several (`anna_core.models.training.learning_rate`).
        weight_decay: AdamW's decoupled weight decay.
        event_dropout: share of a row's events that are left out while training, others in each epoch,
            so that clients are not learnt by heart.
    """

    preset: PresetName = "standard"
    folds: Annotated[int, Field(ge=1, le=20)] = _STANDARD.folds
    seeds: Annotated[int, Field(ge=1, le=20)] = _STANDARD.seeds
    epochs: Annotated[int, Field(ge=1, le=1000)] = _STANDARD.epochs
    patience: Annotated[int, Field(ge=1, le=1000)] = _STANDARD.patience
    budget: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = _STANDARD.budget
    batch_rows: Annotated[int, Field(ge=1, le=100_000)] = 128
    batch_events: Annotated[int, Field(ge=64, le=10_000_000)] | None = None
    learning_rate: Annotated[float, Field(gt=0, le=1)] | Found = USUAL_RATE
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 1e-2
    event_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.15

    @model_validator(mode="before")
    @classmethod
    def _fill_from_preset(cls, values: object) -> object:
        """Give what is left out the preset's value."""
        if not isinstance(values, dict):
            return values
        return preset_settings(values.get("preset", "standard")) | values

    @field_validator("folds")
    @classmethod
    def _no_two_folds(cls, folds: int) -> int:
        if folds == 2:
            raise ValueError("2 folds would fit one of two nets on the validation rows alone; take 1, or 3 and more")
        return folds
