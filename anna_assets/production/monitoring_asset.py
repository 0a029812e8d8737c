"""Production's scores, watched: against the rows that the model was judged on, and against the month before."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from anna_assets.layers import guard_checks
from anna_assets.partitions import task_keys
from anna_assets.production.scores_asset import SCORES_KEY
from anna_assets.steps import step_asset
from anna_core.columns.shares import percent
from anna_core.errors import ArtifactError
from anna_core.months import next_month
from anna_core.samples.splits import TEST
from anna_resources.settings import Drift, load_settings
from anna_resources.warehouse import Warehouse

if TYPE_CHECKING:
    from anna_core.analytics.monitoring import Monitoring

MONITORING_KEY = dg.AssetKey(["production", "monitoring"])
_SCORE_DRIFT, _FIELD_DRIFT, _COVERAGE, _VOLUME = "score_drift", "field_drift", "coverage", "volume"
_SHOWN_FIELDS = 10  # those that moved most
_CHECKS = {
    _SCORE_DRIFT: "The scores lie as those of the rows that the model was judged on.",
    _FIELD_DRIFT: "The fields of the events are distributed as in the rows that the model was trained on.",
    _COVERAGE: "Each domain knows as large a share of the clients as of these rows.",
    _VOLUME: "There are about as many clients as the month before.",
}


def monitoring_asset(partitions: dg.MultiPartitionsDefinition) -> dg.AssetsDefinition:
    """The asset `production/monitoring`, partitioned by month and task."""

    @step_asset(
        key=MONITORING_KEY,
        partitions_def=partitions,
        deps=[SCORES_KEY],
        pool="scoring",
        group_name="production",
        kinds={"polars"},
        description="A month's scores beside those of the rows that the model was judged on, and the month before's.",
        check_specs=[
            dg.AssetCheckSpec(name, asset=MONITORING_KEY, partitions_def=partitions, description=told)
            for name, told in _CHECKS.items()
        ],
    )
    def monitoring(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
        from anna_core.analytics.monitoring import monitor
        from anna_core.analytics.trend_plot import trend_plot

        [(task, at)], levels = task_keys([context.partition_key]), load_settings().production.drift
        scored = warehouse.production(task)
        done, earlier = scored.month(at).done(), scored.month(next_month(at, -1))
        if done is None:
            raise ArtifactError(f"{task} is not scored as of the end of {at:%Y-%m}: score it first.")
        kept = warehouse.candidate(done.model)
        sample = kept.sample()
        found = monitor(
            at,
            scored.month(at).read(),
            kept.scores()[(sample.fold >= 0) | (sample.split == TEST)],
            kept.reference(),
            {domain.name: warehouse.history(domain, at).read() for domain in kept.facts().domains},
            earlier.read() if earlier.exists() else None,
        )
        warehouse.monitoring(task, at).write(found)
        months = (month for month in scored.all() if month <= at)
        past = [one for month in months if (one := warehouse.monitoring(task, month).read()) is not None]
        plot, checks = trend_plot(past, levels.warn, levels.error), _results(found, levels)
        guard_checks.tell(context, checks)
        return dg.MaterializeResult(
            metadata=_facts(found) | {"plot": dg.MetadataValue.md(plot.markdown())}, check_results=checks
        )

    return monitoring


def _facts(found: "Monitoring") -> dict[str, Any]:
    change = found.volume_change
    moved = {name: round(value, 4) for name, value in list(found.field_drift.items())[:_SHOWN_FIELDS]}
    return {
        "ledger": found.model,
        "clients": found.clients,
        "clients, against the month before": "not scored" if change is None else f"{change:+.1%}",
        "mean score": dg.MetadataValue.json(found.means),
        "stability index of the scores": dg.MetadataValue.json(_rounded(found.score_drift)),
        "against the month before": dg.MetadataValue.json(_rounded(found.score_drift_before)),
        "clients in another decile": dg.MetadataValue.json(
            {name: percent(share) for name, share in found.moved.items()}
        ),
        "coverage": dg.MetadataValue.json(
            {
                name: f"{percent(share)} (trained on {percent(found.covered_then[name])})"
                for name, share in found.covered.items()
            }
        ),
        "fields that moved most": dg.MetadataValue.json(moved),
    }


def _rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in figures.items()}


def _results(found: "Monitoring", levels: Drift) -> list[dg.AssetCheckResult]:
    limit = max(levels.warn, found.by_chance)
    change = found.volume_change
    scores = {name: value for name, value in found.score_drift.items() if value >= limit}
    fields = [f"{name} ({value:.2f})" for name, value in found.field_drift.items() if value >= limit]
    covered = {name: (share, found.covered_then[name]) for name, share in found.covered.items()}
    told = {
        _SCORE_DRIFT: [f"The stability index of {name} is {value:.3f}." for name, value in scores.items()],
        _FIELD_DRIFT: [f"Moved by their stability index: {', '.join(fields[:_SHOWN_FIELDS])}."] if fields else [],
        _COVERAGE: [
            f"{name} knows {percent(now)} of the clients; of the launch's rows it knew {percent(then)}."
            for name, (now, then) in covered.items()
            if abs(now - then) > levels.coverage
        ],
        _VOLUME: [f"{change:+.1%} clients against the month before."]
        if change is not None and abs(change) > levels.volume
        else [],
    }
    is_error = any(value >= max(levels.error, found.by_chance) for value in scores.values())
    return [
        dg.AssetCheckResult(
            check_name=name,
            passed=not told[name],
            severity=dg.AssetCheckSeverity.ERROR if name == _SCORE_DRIFT and is_error else dg.AssetCheckSeverity.WARN,
            description=" ".join(told[name]) or question,
        )
        for name, question in _CHECKS.items()
    ]
