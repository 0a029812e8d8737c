"""Boosting on aggregates: LightGBM on hand-made features of all domains, the peer on every leaderboard."""

import hashlib

import dagster as dg
import polars as pl

from anna_assets.compute import training_threads
from anna_assets.layers import samples
from anna_assets.layers.sequences import read_sequences
from anna_assets.partitions import SAMPLE
from anna_assets.steps import step_asset
from anna_core import storage
from anna_core.domains import Domain
from anna_core.scoring.scores_file import score_frame
from anna_core.splits import TRAIN
from anna_resources.warehouse import Warehouse

KEY = dg.AssetKey("boosting")
SCORES_FILE = "scores.parquet"


def boosting_asset(domains: list[Domain]) -> dg.AssetsDefinition:
    """The asset `boosting`, partitioned by sample."""

    @step_asset(
        key=KEY,
        partitions_def=SAMPLE,
        deps=[samples.KEY, *(dg.AssetKey(["sequences", domain.name]) for domain in domains)],
        pool="training",
        group_name="models",
        kinds={"lightgbm"},
        description="Boosting on aggregates of all domains: what the nets are compared with.",
    )
    def boosting(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
        from anna_core.baselines.aggregates import aggregate, top_codes
        from anna_core.baselines.boosting import boosting_scores

        key = context.partition_key
        sample = samples.read_sample(warehouse, key)
        sequences = [read_sequences(warehouse, domain, sample) for domain in domains]
        train = sample.split == TRAIN
        features = pl.concat([aggregate(part, top_codes(part, train)) for part in sequences], how="horizontal")
        context.log.info(f"{features.width} aggregates of {len(sample):,} rows")
        scores = boosting_scores(
            features, sample.target, sample.weight, sample.split, sample.task, threads=training_threads()
        )
        version = hashlib.blake2b(scores.tobytes(), digest_size=16).hexdigest()
        frame = score_frame(sample.rows["client_id"], sample.rows["as_of"], scores, sample.task.score_names, version)
        with storage.write_directory(warehouse.boosting(key)) as folder:
            frame.write_parquet(folder / SCORES_FILE)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(version),
            metadata={"dagster/row_count": len(frame), "aggregates": features.width},
        )

    return boosting
