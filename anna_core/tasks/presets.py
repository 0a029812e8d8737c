"""Presets: everything about the training of nets that one word decides.

A task names one (`training.preset`) and may override any part of it; `TrainingSpec` fills in the rest. What each preset
costs and achieves: docs/quality.md.
"""

from dataclasses import asdict, dataclass
from typing import Literal

PresetName = Literal["fast", "standard", "best"]


@dataclass(frozen=True)
class Preset:
    """What a preset decides; `TrainingSpec` explains the settings."""

    folds: int
    seeds: int
    epochs: int
    patience: int
    budget: float


PRESETS: dict[PresetName, Preset] = {
    "fast": Preset(folds=1, seeds=1, epochs=7, patience=3, budget=300.0),
    "standard": Preset(folds=5, seeds=1, epochs=12, patience=4, budget=1800.0),
    "best": Preset(folds=5, seeds=2, epochs=16, patience=6, budget=7200.0),
}


def preset_settings(name: object) -> dict[str, object]:
    """The training settings of a preset; empty for an unknown name, which `TrainingSpec` then refuses."""
    return next((asdict(preset) for known, preset in PRESETS.items() if known == name), {})
