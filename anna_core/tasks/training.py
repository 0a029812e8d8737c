"""How a net is trained: the part of a task's settings that shapes the training loop."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from anna_core.strict import Strict
from anna_core.tasks.presets import PRESETS, PresetName, preset_settings

Found = Literal["auto"]  # in place of a learning rate: let `anna_core.models.training.learning_rate` find one
USUAL_RATE = 3e-3  # the best of four on real domains of a few thousand rows (docs/quality.md)
_STANDARD = PRESETS["standard"]


class TrainingSpec(Strict):
    """Settings of the training loop; where the defaults come from: docs/quality.md.

    Attributes:
        preset: supplies folds, seeds, epochs, patience and budget where they are left out (`anna_core.tasks.presets`).
        folds: number of folds for cross-fitting: net k is fitted on the rows outside fold k and stopped on those
            inside. 1: a single net, stopped on the validation rows. Not 2: the validation rows are fold 0, and they
            alone are too few to fit the other fold's net on.
        seeds: number of nets per fold, whose outputs are averaged.
        epochs: maximum number of passes over the training rows.
        patience: number of epochs clearly worse than the best so far after which training stops.
        budget: seconds that training a domain's nets, or a set of trees, may take; None: as long as it takes. Fewer
            epochs are planned if it does not allow for more, and boosting stops early.
        batch_rows: maximum number of rows in a batch; fewer if the sample is small.
        batch_events: maximum number of padded events in a batch (rows x longest), which bounds memory; None: whatever
            is fastest for the encoder.
        learning_rate: peak learning rate of AdamW under a one-cycle schedule; `auto`: found for each domain by training
            its first net at several rates (`anna_core.models.training.learning_rate`).
        weight_decay: AdamW's decoupled weight decay.
        event_dropout: share of a row's events left out while training, different ones in each epoch, so that nets do
            not memorise single clients.
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
        """Fill in what is left out from the preset."""
        if not isinstance(values, dict):
            return values
        return preset_settings(values.get("preset", "standard")) | values

    @field_validator("folds")
    @classmethod
    def _no_two_folds(cls, folds: int) -> int:
        if folds == 2:
            raise ValueError("2 folds would fit one of two nets on the validation rows alone; take 1, or 3 and more")
        return folds
