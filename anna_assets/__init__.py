"""The asset graph; `anna_assets.definitions` is its only entry."""

import gc
import warnings

# Dagster's modules stay for good. The collector goes through all of them again and again while they are imported, a
# sixth of the time that this takes; it need not look at them later either.
gc.disable()
try:
    import dagster as dg
finally:
    gc.freeze()
    gc.enable()

# Observable partitioned sources, partitioned checks and backfill policies are what the design rests on; Dagster marks
# them beta or preview and would say so dozens of times at the start of every step.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
