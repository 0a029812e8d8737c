"""Preloaded for runs and their steps: the graph, and what Dagster otherwise imports in each of them."""

from anna_assets.preload.end_together import end_together
from anna_assets.preload.modules import import_all

MODULES = (
    "anna_assets.definitions",
    "anna_resources.launcher",
    "dagster._core.storage.sqlite_storage",  # of runs, events and schedules, with SQLAlchemy and Alembic
    "dagster._core.storage.local_compute_log_manager",
    "pyarrow.parquet",
    "pyarrow.dataset",
)

import_all(MODULES)
end_together()
