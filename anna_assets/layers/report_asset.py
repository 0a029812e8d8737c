"""The report of a launch: the leaderboard on the held-out rows, plots, and one self-contained HTML file."""

import datetime as dt
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np

from anna_assets.layers.boosting_asset import boosting_key
from anna_assets.layers.members import member_name, read_members, tree_domains
from anna_assets.layers.metamodel_asset import METAMODEL_KEY
from anna_assets.layers.sample_asset import SAMPLE_KEY
from anna_assets.markdown import bullets
from anna_assets.partitions import SAMPLE
from anna_assets.places import place
from anna_assets.steps import step_asset
from anna_core.domains import Domain
from anna_core.samples.splits import TEST
from anna_resources.ledger.ledger import Ledger
from anna_resources.names import WARNINGS
from anna_resources.settings import load_settings
from anna_resources.tracking.resource import Tracking
from anna_resources.warehouse import Warehouse

if TYPE_CHECKING:
    from anna_core.analytics.content import ReportContent
    from anna_core.analytics.leaderboard import LeaderboardRow

REPORT_KEY = dg.AssetKey("report")
_BETTER = "better_than_constant"  # the check, and in the ledger what it found


def report_asset(domains: list[Domain]) -> dg.AssetsDefinition:
    """The asset `report`, partitioned by sample; closes the launch in MLflow."""
    parents = [
        SAMPLE_KEY,
        METAMODEL_KEY,
        *(boosting_key(domain) for domain in tree_domains(domains)),
        *(dg.AssetKey([layer, domain.name]) for domain in domains for layer in ("embedding", "model", "sequences")),
    ]

    @step_asset(
        key=REPORT_KEY,
        partitions_def=SAMPLE,
        deps=parents,
        pool="scoring",
        group_name="reports",
        kinds={"html"},
        description="Leaderboard with intervals on the held-out rows, curves, calibration, coverage, as one HTML file.",
        check_specs=[
            dg.AssetCheckSpec(
                _BETTER,
                asset=REPORT_KEY,
                partitions_def=SAMPLE,
                description="The metamodel's lead over a constant, on the same held-out rows, is more than chance.",
            )
        ],
    )
    def report(context: dg.AssetExecutionContext, warehouse: Warehouse, tracking: Tracking) -> dg.MaterializeResult:
        from anna_core.analytics.headline import headline
        from anna_core.analytics.html import render_report
        from anna_core.analytics.plots import report_figures

        key = context.partition_key
        content = _content(warehouse, warehouse.sample(key).domains(), key)
        plots, head = report_figures(content), headline(content)
        board = [_record(row) for row in content.leaderboard]
        pictures = {name: plot.png() for name, plot in plots.items()}
        files = warehouse.report(key).write(render_report(content, plots), board, pictures)
        with tracking.launch(context.run, key, context.log) as launch:
            known = [row for row in board if row["value"] is not None]
            launch.log_metrics({f"{row['kind']}.{row['model']}": row["value"] for row in known})
            launch.log_files(files.html, files.leaderboard)
            launch.finish()
        tag = warehouse.sample(key).tag()
        verdict = head.verdict or head.sentence
        Ledger.of(load_settings()).finish(tag, _result(content, head.sentence, verdict, board), head.in_brief)
        return dg.MaterializeResult(
            metadata={
                "verdict": verdict,
                "leaderboard": _table(content),
                "metric": content.task.metric,
                "ledger": tag,
                "scored_by": head.model,
                "held-out rows": len(content.held_out),
                WARNINGS: dg.MetadataValue.md(bullets(content.warnings)),
                "report_html": place(files.html),
                **{
                    f"plot of {name.replace('_', ' ')}": dg.MetadataValue.md(plot.markdown())
                    for name, plot in plots.items()
                },
            },
            check_results=[_check(content)],
        )

    return report


def _content(warehouse: Warehouse, domains: list[Domain], key: str) -> "ReportContent":
    from anna_core.analytics.constant import constant_scores
    from anna_core.analytics.content import ReportContent
    from anna_core.analytics.coverage import domain_coverage
    from anna_core.analytics.held_out import HeldOut
    from anna_core.analytics.leaderboard import ModelKind, leaderboard
    from anna_core.analytics.usefulness import usefulness
    from anna_core.models.bundle import code_version
    from anna_core.models.vectors import mean_scores
    from anna_core.scoring.clients import require_same_generation

    sample = warehouse.sample(key).read()
    members = read_members(warehouse, domains, sample)
    trained, blended = warehouse.metamodel(key).read_with_scores()
    require_same_generation(trained, members.versions)
    scores: dict[tuple[ModelKind, str], np.ndarray] = {
        ("constant", "constant"): constant_scores(sample.target, sample.weight, sample.split, sample.task),
        ("metamodel", "metamodel"): blended,
    }
    curves, coverage = {}, []
    for domain in domains:
        scores["net", domain.name] = members.vectors[domain.name].scores
        curves[domain.name] = warehouse.model(domain, key).read().curves
        coverage.append(domain_coverage(members.sequences[domain.name]))
    for trees in tree_domains(domains):
        scores["boosting", trees.name if trees else "all domains"] = members.vectors[member_name(trees)].scores
    if len(domains) > 1:
        nets = [members.vectors[domain.name] for domain in domains]
        scores["mean", "mean"] = mean_scores(nets, trained.spec.output)
    versions = {f"model {name}": version for name, version in members.versions.items()}
    held_out = HeldOut.of(sample.split == TEST, sample.target, sample.weight, sample.client)
    return ReportContent(
        task=sample.task,
        sample=key,
        scores=scores,
        target=sample.target,
        weight=sample.weight,
        split=sample.split,
        held_out=held_out,
        leaderboard=leaderboard(scores, held_out, sample.task),
        usefulness=usefulness(scores, held_out, sample.task),
        blend=trained.spec.summary,
        curves=curves,
        coverage=coverage,
        warnings=_warnings(warehouse, domains, key),
        as_of=sample.rows["as_of"].to_numpy().astype("datetime64[D]"),
        provenance={"ANNA": code_version(), "seed": sample.task.seed, **versions},
        created_at=dt.datetime.now(tz=dt.UTC),
    )


def _result(content: "ReportContent", sentence: str, verdict: str, board: list[dict[str, Any]]) -> dict[str, Any]:
    """What the ledger keeps of a launch's end: the same words as on its page, and what its check found."""
    return {
        "sentence": sentence,
        "verdict": verdict,
        _BETTER: str(content.usefulness) if content.usefulness else "",
        "warnings": list(content.warnings),
        "leaderboard": board,
        "versions": {name: str(version) for name, version in content.provenance.items()},
    }


def _warnings(warehouse: Warehouse, domains: list[Domain], key: str) -> list[str]:
    """What guards warned of on the way, as sentences."""
    found = list(warehouse.sample(key).warnings().values())
    for domain in domains:
        found += [f"{domain.name}: {warning}" for warning in warehouse.sequences(domain, key).warnings().values()]
    return found


def _record(row: "LeaderboardRow") -> dict[str, Any]:
    """A row of the leaderboard as JSON: None where a figure is not defined."""
    figures = asdict(row) | {"lead": row.lead and row.lead._asdict()}
    return {name: _defined(value) for name, value in figures.items()}


def _defined(value: Any) -> Any:
    match value:
        case float():
            return round(value, 6) if math.isfinite(value) else None
        case dict():
            return {name: _defined(part) for name, part in value.items()}
        case _:
            return value


def _table(content: "ReportContent") -> dg.TableMetadataValue:
    """The leaderboard, narrow enough for the page: its columns have titles, and are for people.

    Each record also holds the figures themselves under their own names, which `anna report` and other programs read.
    """
    from anna_core.analytics.formatting import format_interval, format_lead, format_value

    titles = ("Model", content.metric.title, "Metamodel's lead")
    records = []
    for row in content.leaderboard:
        known = _record(row) | {"lead": format_lead(row.lead)}
        figures = {name: "not defined" if value is None else value for name, value in known.items()}
        value = _two_lines(f"{format_value(row.value)} {format_interval(row.low, row.high)}")
        cells = (_breakable(_model_in_words(row)), value, _two_lines(format_lead(row.lead)))
        records.append(dg.TableRecord(figures | dict(zip(titles, cells, strict=True))))
    schema = dg.TableSchema([dg.TableColumn(title, "string") for title in titles])
    return dg.MetadataValue.table(records, schema)


def _model_in_words(row: "LeaderboardRow") -> str:
    match row.kind:
        case "net" | "boosting":
            return f"{row.kind} of {row.model}"
        case "mean":
            return "mean of the nets"
        case _:
            return row.kind


def _two_lines(figure: str) -> str:
    """A figure and its interval, of which the page may put the interval into a second line, but not break it."""
    value, _, interval = figure.strip().partition(" [")
    return f"{value} [{interval}".replace(", ", ",\N{NO-BREAK SPACE}") if interval else value


def _breakable(name: str) -> str:
    """A name that the page may break at its underscores."""
    return name.replace("_", "_\N{ZERO WIDTH SPACE}")


def _check(content: "ReportContent") -> dg.AssetCheckResult:
    useful = content.usefulness
    return dg.AssetCheckResult(
        check_name=_BETTER,
        passed=useful is not None and useful.proven is True,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{useful}.",
    )
