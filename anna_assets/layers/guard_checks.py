"""Guards: checks of `sample` and `sequences/<domain>` that stop a launch, or warn, before time goes into training."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from anna_assets.partitions import SAMPLE
from anna_core.columns.shares import percent
from anna_core.domains import Domain
from anna_core.errors import TrainingError
from anna_core.guards import leakage, shift
from anna_core.guards.leakage import Finding, Probes, Verdict
from anna_core.guards.matching import FEWEST_KNOWN, Match
from anna_core.guards.shift import Moved, Shift
from anna_resources.artifacts.visible import keep_warnings, mark_leak

AS_OF_LEAK, POINT_IN_TIME, LEAKAGE, SHIFT = "as_of_leak", "point_in_time", "leakage", "shift"
CLIENTS_KNOWN = "clients_known"


def as_of_spec(key: dg.AssetKey) -> dg.AssetCheckSpec:
    """The check `as_of_leak` of the asset `sample`."""
    return dg.AssetCheckSpec(
        AS_OF_LEAK,
        asset=key,
        partitions_def=SAMPLE,
        description=f"The target cannot be predicted from the as_of date alone (Gini below {leakage.WARN}).",
    )


def clients_spec(key: dg.AssetKey) -> dg.AssetCheckSpec:
    """The check `clients_known` of the asset `sample`."""
    return dg.AssetCheckSpec(
        CLIENTS_KNOWN,
        asset=key,
        partitions_def=SAMPLE,
        description=(
            f"At least {percent(FEWEST_KNOWN)} of the clients have an event in some domain, and the as_of dates lie "
            "where there are events."
        ),
    )


def point_in_time_spec(key: dg.AssetKey, partitions: dg.PartitionsDefinition | None = None) -> dg.AssetCheckSpec:
    """The check `point_in_time` of an asset `sequences/<domain>` or `history/<domain>`."""
    return dg.AssetCheckSpec(
        POINT_IN_TIME,
        asset=key,
        blocking=True,
        partitions_def=partitions,
        description="No row sees an event before its lookback, or at or after as_of less the availability lag.",
    )


def domain_specs(key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The checks `point_in_time`, `leakage` and `shift` of an asset `sequences/<domain>`."""
    return [
        point_in_time_spec(key, SAMPLE),
        dg.AssetCheckSpec(
            LEAKAGE,
            asset=key,
            blocking=True,
            partitions_def=SAMPLE,
            description=(
                f"The target cannot be predicted from one field alone: a Gini of {leakage.WARN} warns, {leakage.BLOCK} "
                "stops the launch. The times of the events alone at most warn."
            ),
        ),
        dg.AssetCheckSpec(
            SHIFT,
            asset=key,
            partitions_def=SAMPLE,
            description=f"No model tells the test rows from the others by their events (ROC AUC below {shift.WARN}).",
        ),
    ]


def as_of_result(probes: Probes) -> dg.AssetCheckResult:
    """What the probe of the as_of date found; it never blocks."""
    cure = (
        "Rows with the outcome were taken at other dates than rows without, but in use all clients have one date. "
        "Take the dates of all rows the same way, for instance each month's first day."
    )
    return _result(AS_OF_LEAK, probes, {"as_of": cure}, "The as_of date does not predict the target.")


def clients_result(match: Match) -> dg.AssetCheckResult:
    """What the marts know of a sample's clients and dates; it never blocks."""
    known = f"{match.met:,} of {match.clients:,} clients have an event in some domain."
    return dg.AssetCheckResult(
        check_name=CLIENTS_KNOWN,
        passed=not match.warnings,
        severity=dg.AssetCheckSeverity.WARN,
        description=" ".join(match.warnings) or (known if match.domains else "No mart is there to look into yet."),
        metadata={
            "clients": match.clients,
            "clients met": _table(
                [
                    {
                        "domain": domain.domain,
                        "clients": f"{domain.met:,}",
                        "share": percent(domain.met / match.clients),
                    }
                    for domain in match.domains
                ]
            ),
        },
    )


def point_in_time_result(rows: int, outside: int) -> dg.AssetCheckResult:
    """Whether any of these rows see events outside their window (`outside_window`); that blocks."""
    told = f"{outside:,} of {rows:,} rows see events outside their window."
    return dg.AssetCheckResult(
        check_name=POINT_IN_TIME,
        passed=outside == 0,
        description=f"{told} That is a fault of ANNA, not of the data: please report it." if outside else told,
        metadata={"rows": rows, "rows that see too much": outside},
    )


def leakage_result(probes: Probes, domain: Domain) -> dg.AssetCheckResult:
    """What the probes of a domain found; a leak has severity ERROR, and therefore blocks."""
    cures = {
        finding.subject: (
            "Is it known on as_of, or filled in after the outcome? Drop the field from "
            f"domains/{domain.name}.yaml; or, if you made sure that it is known, allow it in task.yaml: "
            f"`guards: {{allow: [{finding.subject}]}}`."
        )
        for finding in probes.findings
    }
    cures[leakage.history_of(domain)] = (
        "Is that what the target is about, or are events of some clients missing from the source or cut at the outcome?"
    )
    return _result(LEAKAGE, probes, cures, "No field alone predicts the target.")


def shift_result(found: Shift, domain: Domain) -> dg.AssetCheckResult:
    """How the test rows differ from the others, in short; it never blocks. The table tells in what, and how far."""
    if found.not_probed:
        description = f"Not checked: {found.not_probed}."
    elif found.warns:
        most = "".join(f", most in {one.name}" for one in found.moved[:1])
        description = (
            f"Test rows differ from the others (ROC AUC {found.auc:.3f}){most}: held-out figures may not hold later. "
            f"Usual where the source begins at a fixed date; else see check `{SHIFT}` of sequences/{domain.name}."
        )
    else:
        description = f"ROC AUC {found.auc:.3f}: test rows are like the others."
    return dg.AssetCheckResult(
        check_name=SHIFT,
        passed=not found.warns,
        severity=dg.AssetCheckSeverity.WARN,
        description=description,
        metadata={
            "rows": found.rows,
            "95% interval of ROC AUC from": f"{found.low:.3f}",
            "aggregates": _table([_difference(one) for one in found.moved]),
        },
    )


def tell(context: dg.AssetExecutionContext, results: Sequence[dg.AssetCheckResult]) -> None:
    """Write failed checks into the run's log, so that its readers need not open each asset's page."""
    for result in results:
        if not result.passed:
            log = context.log.error if result.severity is dg.AssetCheckSeverity.ERROR else context.log.warning
            log(f"Check {result.check_name}: {result.description}")


def warnings_of(results: Sequence[dg.AssetCheckResult]) -> dict[str, str]:
    """Name of each failed check that does not block → what it says."""
    failed = [result for result in results if not result.passed and not _blocks(result)]
    return {result.check_name or "": result.description or "" for result in failed}


def keep_findings(results: Sequence[dg.AssetCheckResult], folder: Path) -> None:
    """Write what was found in a domain beside its sequences: leaks, which stop all readers, and warnings."""
    if found := [result.description or "" for result in results if _blocks(result)]:
        mark_leak(folder, " ".join(found))
    keep_warnings(folder, warnings_of(results))


def require_no_leak(context: dg.AssetExecutionContext) -> None:
    """Raise `TrainingError` if a check of this run has found a leak, in any domain.

    A blocking check stops only what depends on its own asset; other domains' models would be trained in vain.
    """
    for entry in context.instance.all_logs(context.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        found = entry.get_dagster_event().asset_check_evaluation_data
        if found.check_name in (POINT_IN_TIME, LEAKAGE) and _blocks(found):
            raise TrainingError(
                f"not trained, as the launch cannot be used: {found.asset_key.to_user_string()} has a leak. "
                f"{found.description}"
            )


def _blocks(found: dg.AssetCheckResult | dg.AssetCheckEvaluation) -> bool:
    return not found.passed and found.severity is dg.AssetCheckSeverity.ERROR


def _result(name: str, probes: Probes, cures: dict[str, str], harmless: str) -> dg.AssetCheckResult:
    leaks, suspicious = probes.of(Verdict.LEAK), probes.of(Verdict.SUSPICIOUS)
    sentences = [f"{_sentence(finding)} {cures[finding.subject]}" for finding in leaks + suspicious]
    sentences += [f"{_sentence(finding)} The task allows it." for finding in probes.of(Verdict.ALLOWED)]
    if probes.not_probed:
        sentences.append(f"Not checked: {probes.not_probed}.")
    return dg.AssetCheckResult(
        check_name=name,
        passed=not (leaks or suspicious),
        severity=dg.AssetCheckSeverity.ERROR if leaks else dg.AssetCheckSeverity.WARN,
        description=" ".join(sentences) or harmless,
        metadata={"rows": probes.rows, "probes": _table([_row(finding) for finding in probes.findings])},
    )


def _sentence(finding: Finding) -> str:
    found = finding.strength
    what = f"The outcome '{found.outcome}'" if found.outcome else "The target"
    return (
        f"{what} can be predicted from {finding.subject} alone, mostly from {finding.told_by}: {found.measure} "
        f"{found.value:.3f} (95% interval from {found.low:.3f})."
    )


def _row(finding: Finding) -> dict[str, str]:
    found = finding.strength
    figures = {"measure": found.measure, "value": f"{found.value:.3f}", "95% interval from": f"{found.low:.3f}"}
    return {
        "probe": finding.subject,
        "verdict": finding.verdict.value,
        **figures,
        "outcome": found.outcome,
        "mostly from": finding.told_by,
    }


def _difference(one: Moved) -> dict[str, str]:
    alone = f"{one.auc:.2f}" if math.isfinite(one.auc) else "not defined"
    return {"aggregate": one.name, "difference": one.told, "ROC AUC alone": alone}


def _table(rows: Sequence[dict[str, str]]) -> dg.TableMetadataValue:
    schema = dg.TableSchema([dg.TableColumn(name, "string") for name in (rows[0] if rows else {})])
    records: list[dg.TableRecord] = [dg.TableRecord(dict[str, Any](row)) for row in rows]
    return dg.MetadataValue.table(records, schema)
