"""The asset graph; `anna_assets.definitions` is its only entry."""

import warnings

import dagster as dg

# Observable partitioned sources, partitioned checks and backfill policies are what the design rests on; Dagster marks
# them beta or preview and would say so dozens of times at the start of every step.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
