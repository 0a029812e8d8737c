"""Preloaded for launches, beside `anna_assets.preload.steps`: what several of their steps import.

What a single step needs (matplotlib) is left to that step: it runs beside others, while all wait for this.
"""

from anna_assets.preload.modules import import_all

MODULES = (
    "anna_core.models.training.domain",
    "anna_core.models.blend.fitting",
    "anna_core.models.nets.domain_model",
    "anna_core.models.blend.metamodel",
    "anna_core.models.vectors_file",
    "lightgbm",  # the guards in `sample` and each `sequences/<domain>`, and boosting: 0.7 s of processor time
    "torch._dynamo",  # PyTorch imports it when an optimizer is made
    "dagster_mlflow",
    "mlflow.tracing.processor.otel",  # MLflow imports these when a client is made
    "mlflow.tracking.request_header.registry",
)

import_all(MODULES)
