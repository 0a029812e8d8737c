"""Production's scores, watched: against the rows that the model was judged on, and against the period before."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from anna_assets.layers import guard_checks
from anna_assets.partitions import TO_TASK, task_keys
from anna_assets.production.outcomes_asset import OUTCOMES_KEY
from anna_assets.production.retraining import retrain
from anna_assets.production.scores_asset import CHALLENGER_KEY, SCORES_KEY
from anna_assets.steps import step_asset
from anna_core.columns.shares import percent
from anna_core.metrics.registry import METRICS
from anna_core.periods import Cadence, periods_below
from anna_resources.ledger.champions import Champions
from anna_resources.production_settings import Drift
from anna_resources.settings import load_settings
from anna_resources.warehouse import Warehouse

if TYPE_CHECKING:
    from anna_core.analytics.monitoring import Monitoring
    from anna_core.analytics.performance import Performance

MONITORING_KEY = dg.AssetKey(["production", "monitoring"])
_SCORE_DRIFT, _FIELD_DRIFT, _COVERAGE, _VOLUME = "score_drift", "field_drift", "coverage", "volume"
_PERFORMANCE, _CALIBRATION = "performance", "calibration"
_SHOWN_FIELDS = 10  # those that moved most
CHECKS = {
    _SCORE_DRIFT: "The scores lie as those of the rows that the model was judged on.",
    _FIELD_DRIFT: "The fields of the events are distributed as in the rows that the model was trained on.",
    _COVERAGE: "Each domain knows as large a share of the clients as of these rows.",
    _VOLUME: "There are about as many clients as the period before.",
    _PERFORMANCE: "Where outcomes are known, the scores are no worse than on the launch's held-out rows.",
    _CALIBRATION: "Where outcomes are known, the scores can be taken at face value.",
}


def monitoring_asset(partitions: dg.MultiPartitionsDefinition, cadence: Cadence) -> dg.AssetsDefinition:
    """The asset `production/monitoring`, partitioned by period and task."""

    @step_asset(
        key=MONITORING_KEY,
        partitions_def=partitions,
        deps=[
            SCORES_KEY,
            dg.AssetDep(CHALLENGER_KEY),
            dg.AssetDep(OUTCOMES_KEY, partition_mapping=TO_TASK),
        ],
        pool="scoring",
        group_name="production",
        kinds={"polars"},
        description=f"A {cadence}'s scores beside those of the rows that the model was judged on, and the one before.",
        check_specs=[
            dg.AssetCheckSpec(name, asset=MONITORING_KEY, partitions_def=partitions, description=told)
            for name, told in CHECKS.items()
        ],
    )
    def monitoring(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
        from anna_assets.production.observing import observe
        from anna_core.analytics.trend_plot import PERIODS, trend_plot

        [(task, at)], settings = task_keys([context.partition_key], cadence), load_settings()
        levels = settings.production.drift
        found = observe(warehouse, task, at)
        warehouse.monitoring(task, at).write(found)
        there = periods_below(warehouse.monitoring(task, at).path.parent, cadence)
        shown = [period for period in there if period <= at][-PERIODS:]
        past = [one for period in shown if (one := warehouse.monitoring(task, period).read()) is not None]
        plot, checks = trend_plot(past, levels.warn, levels.error), _results(found, levels)
        guard_checks.tell(context, checks)
        facts = _facts(found)
        champion = Champions.of(settings).current(task)
        if _is_breach(checks) and champion is not None and champion.tag == found.model:
            facts["fresh candidate"] = retrain(warehouse, found.model)
            context.log.info(facts["fresh candidate"])
        return dg.MaterializeResult(
            metadata=facts | {"plot": dg.MetadataValue.md(plot.markdown())}, check_results=checks
        )

    return monitoring


def _facts(found: "Monitoring") -> dict[str, Any]:
    change = found.volume_change
    moved = {name: round(value, 4) for name, value in list(found.field_drift.items())[:_SHOWN_FIELDS]}
    return {
        "ledger": found.model,
        "clients": found.clients,
        "clients, against the period before": "not scored" if change is None else f"{change:+.1%}",
        "mean score": dg.MetadataValue.json(found.means),
        "stability index of the scores": dg.MetadataValue.json(_rounded(found.score_drift)),
        "against the period before": dg.MetadataValue.json(_rounded(found.score_drift_before)),
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
        **_quality(found),
    }


def _quality(found: "Monitoring") -> dict[str, Any]:
    """How good the scores were, as far as outcomes tell; and the challenger's beside them."""
    facts: dict[str, Any] = {}
    if found.expected is not None:
        facts["metric, as the scores expect it (an estimate)"] = round(found.expected, 4)
    if found.performance is not None:
        facts["metric, by outcomes"] = f"{_measured(found.performance)}"
        facts["outcomes without a score"] = found.performance.unmatched
    if found.along is not None:
        facts["challenger"] = found.along.model
        facts["clients in another decile by the challenger"] = dg.MetadataValue.json(
            {name: percent(share) for name, share in found.along.moved.items()}
        )
        if found.along.measured is not None and found.along.lead is not None:
            facts["challenger, by outcomes"] = f"{found.along.measured}; its lead: {found.along.lead.signed}"
    return facts


def _is_breach(checks: list[dg.AssetCheckResult]) -> bool:
    """Whether the scores have become wrong, and not only what they are made from another."""
    return any(not one.passed and one.severity is dg.AssetCheckSeverity.ERROR for one in checks)


def _rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in figures.items()}


def _results(found: "Monitoring", levels: Drift) -> list[dg.AssetCheckResult]:
    limit = max(levels.warn, found.by_chance)
    change = found.volume_change
    scores = {name: value for name, value in found.score_drift.items() if value >= limit}
    fields = [
        f"{name} ({value:.2f})"
        for name, value in found.field_drift.items()
        if value >= max(levels.warn, found.fields_by_chance.get(name, found.by_chance))
    ]
    covered = {name: (share, found.covered_then[name]) for name, share in found.covered.items()}
    well = _well(found)
    told = {
        _SCORE_DRIFT: [f"The stability index of {name} is {value:.3f}." for name, value in scores.items()],
        _FIELD_DRIFT: [f"Moved by their stability index: {', '.join(fields[:_SHOWN_FIELDS])}."] if fields else [],
        _COVERAGE: [
            f"{name} knows {percent(now)} of the clients; of the launch's rows it knew {percent(then)}."
            for name, (now, then) in covered.items()
            if abs(now - then) > levels.coverage
        ],
        _VOLUME: [f"{change:+.1%} clients against the period before."]
        if change is not None and abs(change) > levels.volume
        else [],
    }
    if found.performance is not None and found.performance.worse:
        told[_PERFORMANCE] = [f"It is worse than on held-out rows: {_measured(found.performance)}."]
    if found.performance is not None and found.performance.calibrated is False:
        told[_CALIBRATION] = [found.performance.calibration]
    errors = {_PERFORMANCE}
    if any(value >= max(levels.error, found.by_chance) for value in scores.values()):
        errors.add(_SCORE_DRIFT)
    return [
        dg.AssetCheckResult(
            check_name=name,
            passed=not told.get(name),
            severity=dg.AssetCheckSeverity.ERROR if name in errors else dg.AssetCheckSeverity.WARN,
            description=" ".join(told.get(name, ())) or well.get(name, question),
        )
        for name, question in CHECKS.items()
    ]


def _well(found: "Monitoring") -> dict[str, str]:
    """What checks say that pass, where there is more to say than what was asked."""
    if found.performance is None:
        return dict.fromkeys((_PERFORMANCE, _CALIBRATION), "No outcome is known yet.")
    return {
        _PERFORMANCE: f"{_measured(found.performance)}.",
        _CALIBRATION: found.performance.calibration,
    }


def _measured(found: "Performance") -> str:
    title = METRICS[found.metric].title
    return f"{title} {found.measured} of {found.clients:,} clients, on held-out rows {found.held_out}"
