"""Sequences: what each row of a sample may see of a domain."""

import dagster as dg
import numpy as np

from anna_assets.compute import mart_memory
from anna_assets.layers import guard_checks
from anna_assets.layers.fresh_marts import require_fresh_marts
from anna_assets.layers.sample_asset import SAMPLE_KEY
from anna_assets.partitions import SAMPLE
from anna_assets.steps import step_asset
from anna_core.domains import Domain
from anna_core.errors import SampleError
from anna_core.guards.leakage import probe_domain
from anna_core.guards.shift import probe_shift
from anna_core.samples.sample import Sample
from anna_core.sequences.build import write_sequences
from anna_core.sequences.nothing_seen import why_unseen
from anna_core.sequences.ragged import Sequences
from anna_core.sequences.touched_months import months_needed
from anna_core.sequences.visibility import outside_window
from anna_resources.settings import load_settings
from anna_resources.warehouse import Warehouse


def sequences_asset(domain: Domain) -> dg.AssetsDefinition:
    """The asset `sequences/<domain>`, partitioned by sample."""
    asset = dg.AssetKey(["sequences", domain.name])

    @step_asset(
        key=asset,
        partitions_def=SAMPLE,
        deps=[
            SAMPLE_KEY,
            dg.AssetDep(["mart", domain.name], partition_mapping=dg.AllPartitionMapping()),
        ],
        pool="hadoop",
        group_name="sequences",
        kinds={"polars", "arrow"},
        code_version=domain.window_version,
        owners=domain.owners,
        description=f"Events of {domain.name} that each row of the sample may see as of its date.",
        check_specs=guard_checks.domain_specs(asset),
    )
    def sequences(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
        key = context.partition_key
        sample = warehouse.sample(key).read()
        months = months_needed(domain, sample.rows["as_of"].to_numpy())
        require_fresh_marts(warehouse, domain, months)
        dictionary, mart = warehouse.dictionary(domain).read(), warehouse.mart(domain).path
        with warehouse.sequences(domain, key).writing() as folder:
            made = write_sequences(domain, dictionary, mart, sample.rows, folder, mart_memory())
            checks = [
                guard_checks.point_in_time_result(len(made), outside_window(made)),
                guard_checks.leakage_result(probe_domain(made, sample, dictionary), domain),
                guard_checks.shift_result(probe_shift(made, sample, dictionary), domain),
            ]
            guard_checks.keep_findings(checks, folder)
        if not made.length.any():
            why = explain_unseen(warehouse, domain, sample)
            context.log.warning(f"No row of {key} sees an event of {domain.name}: {why}")
        guard_checks.tell(context, checks)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(made.meta.data_version),
            metadata=sequences_metadata(made),
            check_results=checks,
        )

    return sequences


def require_events(warehouse: Warehouse, domains: list[Domain], sample: Sample) -> None:
    """Raise `SampleError` where no row sees an event in any domain: there is nothing to learn from.

    It says of each domain why that is so.
    """
    for domain in domains:
        if warehouse.sequences(domain, sample.key).read(sample).length.any():
            return
    causes = " ".join(explain_unseen(warehouse, domain, sample) for domain in domains)
    raise SampleError(f"No row of {sample.key} sees an event in any domain, so there is nothing to train on. {causes}")


def explain_unseen(warehouse: Warehouse, domain: Domain, sample: Sample) -> str:
    """Why no row of a sample sees an event of a domain, as a sentence."""
    observed = warehouse.source(domain).read().rows
    return why_unseen(domain, sample.rows, observed, load_settings().keeps, warehouse.mart(domain).path)


def sequences_metadata(made: Sequences) -> dict[str, dg.MetadataValue]:
    """Facts about a set of sequences for the asset's page."""
    lengths = made.length[made.length > 0]
    longest = made.domain.max_length
    return {
        "dagster/row_count": dg.MetadataValue.int(len(made)),
        "rows with events": dg.MetadataValue.int(len(lengths)),
        "events kept": dg.MetadataValue.int(len(made.event_time)),
        "median length": dg.MetadataValue.float(float(np.median(lengths)) if len(lengths) else 0.0),
        "longest": dg.MetadataValue.int(int(lengths.max(initial=0))),
        f"cut at {longest}": dg.MetadataValue.int(int((lengths == longest).sum())),
    }
