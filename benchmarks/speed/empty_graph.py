"""The graph of a launch with empty bodies: what Dagster itself takes for the same steps.

Keys, dependencies, partitions, pools, checks and executor are those of `anna_assets`; a test compares them. Nothing of
ANNA is imported, so that a process which loads this module loads Dagster alone.
"""

import os
from collections.abc import Callable

import dagster as dg

DOMAINS = ("accounts", "cards", "loans")
JOB = "train"
PRELOADED_JOB = "train_preloaded"
MODULE = "benchmarks.speed.empty_graph"

_SAMPLE = dg.DynamicPartitionsDefinition(name="sample")


@dg.definitions
def defs() -> dg.Definitions:
    """The graph of the train job, each body returning at once."""
    assets = launch_assets()
    every = dg.AssetSelection.assets(*(asset.key for asset in assets))
    jobs = [
        dg.define_asset_job(JOB, selection=every, executor_def=_forked_from(MODULE)),
        dg.define_asset_job(
            PRELOADED_JOB, selection=every, executor_def=_forked_from(MODULE, "anna_assets.preload.steps")
        ),
    ]
    return dg.Definitions(assets=assets, jobs=jobs)


def _forked_from(*preloaded: str) -> dg.ExecutorDefinition:
    """ANNA's executor: steps forked from a process that has imported these modules."""
    return dg.multiprocess_executor.configured(
        {
            "max_concurrent": os.cpu_count() or 1,
            "start_method": {"forkserver": {"preload_modules": list(preloaded)}},
        }
    )


def launch_assets() -> list[dg.AssetsDefinition]:
    """The assets that a launch materializes: 4 a domain, and five more."""
    each = {layer: [f"{layer}/{name}" for name in DOMAINS] for layer in ("sequences", "model", "embedding", "boosting")}
    trees = [*each["boosting"], "boosting"] if len(DOMAINS) > 1 else each["boosting"]
    members = [*each["embedding"], *each["sequences"], *trees]
    return [
        _asset("sample", [], "hadoop", "sample_quality", "as_of_leak", "clients_known"),
        *(_asset(key, ["sample"], "hadoop", "point_in_time", "leakage", "shift") for key in each["sequences"]),
        *(_asset(f"model/{name}", ["sample", f"sequences/{name}"], "training") for name in DOMAINS),
        *(_asset(f"boosting/{name}", ["sample", f"sequences/{name}"], "training") for name in DOMAINS),
        *(_asset(f"embedding/{name}", ["sample", f"model/{name}", f"sequences/{name}"], "scoring") for name in DOMAINS),
        *([_asset("boosting", ["sample", *each["sequences"]], "training")] if len(DOMAINS) > 1 else []),
        _asset("metamodel", ["sample", *members], "training"),
        _asset("report", ["sample", "metamodel", *each["model"], *members], "scoring", "better_than_constant"),
        _asset("candidate", ["sample", "metamodel", "report", *each["model"], *each["sequences"], *trees], "hadoop"),
    ]


def _asset(name: str, deps: list[str], pool: str, *checks: str) -> dg.AssetsDefinition:
    key = _key(name)
    return dg.asset(
        key=key,
        deps=[_key(dep) for dep in deps],
        partitions_def=_SAMPLE,
        pool=pool,
        check_specs=[dg.AssetCheckSpec(check, asset=key, blocking=True, partitions_def=_SAMPLE) for check in checks],
    )(_body(checks))


def _body(checks: tuple[str, ...]) -> Callable[[], dg.MaterializeResult]:
    def empty() -> dg.MaterializeResult:
        return dg.MaterializeResult(
            check_results=[dg.AssetCheckResult(passed=True, check_name=check) for check in checks]
        )

    return empty


def _key(name: str) -> dg.AssetKey:
    return dg.AssetKey(name.split("/"))
