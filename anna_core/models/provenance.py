"""What a model was made from: if all of it is the same, so are the scores, on a CPU bit for bit."""

import importlib.metadata
import platform
from typing import Any

import torch

from anna_core.models.bundle import code_version
from anna_core.models.device import choose_device
from anna_core.models.precision import in_bfloat16
from anna_core.samples.sample import Sample

_PACKAGES = ("torch", "lightgbm", "numpy", "polars")


def made_of(sample: Sample, threads: int | None, **data_versions: Any) -> dict[str, Any]:
    """The sample, its rows and task with all settings, the data, the software and the kind of machine, as JSON.

    Args:
        sample: the sample that the model was trained on.
        threads: number of threads it was trained with, which decides the order in which sums are taken.
        data_versions: versions of everything else that it was made from.
    """
    device = choose_device()
    return {
        "sample": sample.key,
        "rows": sample.version,
        **data_versions,
        "task": sample.task.model_dump(mode="json"),
        "seed": sample.task.seed,
        "threads": threads,
        "precision": "bfloat16" if in_bfloat16(sample.task.net, device) else "float32",
        "versions": {
            "anna": code_version(),
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in _PACKAGES},
        },
        "machine": f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}"
        + (f", {torch.cuda.get_device_name(device)}" if device.type == "cuda" else ""),
    }
