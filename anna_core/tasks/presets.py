"""Presets: everything that one word decides of how a net looks and is trained.

A task names one (`training.preset`) and may set any of it otherwise; `TrainingSpec` and `TaskOptions` fill in the rest.

`fast` has seven epochs: with eight it took 20 to 21% of the training seconds of `standard` on four of seven real tasks,
with seven 12 to 19%, and kept as much of its metric (docs/quality.md).
"""

from dataclasses import asdict, dataclass
from typing import Literal

PresetName = Literal["fast", "standard", "best"]


@dataclass(frozen=True)
class TrainingPreset:
    """The settings of the training loop; `TrainingSpec` says what they mean."""

    folds: int
    seeds: int
    epochs: int
    patience: int
    budget: float


@dataclass(frozen=True)
class NetPreset:
    """The settings of the net; `NetSpec` says what they mean."""

    encoder: Literal["gru", "bigru", "min_gru", "transformer"]
    hidden: int
    layers: int


@dataclass(frozen=True)
class Preset:
    """What a preset decides."""

    training: TrainingPreset
    net: NetPreset


_GRU = NetPreset(encoder="gru", hidden=64, layers=1)

PRESETS: dict[PresetName, Preset] = {
    "fast": Preset(TrainingPreset(folds=1, seeds=1, epochs=7, patience=3, budget=300.0), _GRU),
    "standard": Preset(TrainingPreset(folds=5, seeds=1, epochs=12, patience=4, budget=1800.0), _GRU),
    "best": Preset(TrainingPreset(folds=5, seeds=2, epochs=16, patience=6, budget=7200.0), _GRU),
}


def training_defaults(name: object) -> dict[str, object]:
    """Training settings of a preset; none for a name that is not one, which `TrainingSpec` then refuses."""
    preset = _find(name)
    return asdict(preset.training) if preset else {}


def net_defaults(name: object) -> dict[str, object]:
    """Net settings of a preset; none for a name that is not one."""
    preset = _find(name)
    return asdict(preset.net) if preset else {}


def _find(name: object) -> Preset | None:
    return next((preset for known, preset in PRESETS.items() if known == name), None)
