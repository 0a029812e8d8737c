"""Samples: the uploaded rows of a training launch, checked and divided."""

from collections.abc import Sequence

import dagster as dg
import numpy as np
import polars as pl

from anna_assets.layers import guard_checks
from anna_assets.layers.known_clients import match_clients
from anna_assets.markdown import bullets, plain
from anna_assets.partitions import SAMPLE
from anna_assets.steps import step_asset
from anna_core.columns.shares import percent
from anna_core.domains import Domain
from anna_core.errors import SampleError
from anna_core.guards.leakage import probe_as_of, require_known
from anna_core.guards.matching import Match
from anna_core.samples.inbox import find_upload, read_upload_request, upload_digest, upload_lock
from anna_core.samples.sample import Sample, make_sample
from anna_core.samples.splits import SPLITS
from anna_core.samples.target_values import class_names
from anna_core.sequences.build import months_needed
from anna_core.tasks.task import TaskType
from anna_resources.blueprint import changed_since
from anna_resources.ledger.ledger import Launch, Ledger
from anna_resources.names import CONTENT_TAG
from anna_resources.settings import INBOX, load_settings
from anna_resources.tracking.resource import Tracking
from anna_resources.warehouse import Warehouse

SAMPLE_KEY = dg.AssetKey("sample")


def sample_asset(domains: Sequence[Domain], notes: Sequence[str]) -> dg.AssetsDefinition:
    """The asset `sample`: reads the inbox file of its partition and opens the launch in MLflow.

    Args:
        domains: those of the launch; whatever becomes of their files later, its later steps use these.
        notes: sentences about domain files that cannot be used.
    """

    @step_asset(
        key=SAMPLE_KEY,
        partitions_def=SAMPLE,
        pool="hadoop",
        group_name="samples",
        kinds={"polars", "parquet"},
        description="Uploaded rows (client_id, as_of, target), checked; the task's type, metric and split resolved.",
        metadata={"dagster/column_schema": _schema()},
        check_specs=[
            dg.AssetCheckSpec(
                "sample_quality",
                asset=SAMPLE_KEY,
                blocking=True,
                partitions_def=SAMPLE,
                description="Training, validation and test rows exist, and each of them holds different outcomes.",
            ),
            guard_checks.as_of_spec(SAMPLE_KEY),
            guard_checks.clients_spec(SAMPLE_KEY),
        ],
    )
    def sample(context: dg.AssetExecutionContext, warehouse: Warehouse, tracking: Tracking) -> dg.MaterializeResult:
        key = context.partition_key
        with upload_lock(warehouse.upload_locks, key):  # file and settings belong together
            path = find_upload(warehouse.home_path / INBOX, key)
            request = read_upload_request(path)
            content = upload_digest(path, request)
            expected = context.run.tags.get(CONTENT_TAG)
            if expected not in (None, content):
                raise SampleError(
                    f"{path}: changed after this run was started for it; a run for the new content follows."
                )
            made = make_sample(path, key, request)
        require_known(made.task, domains)
        made = made.with_notes([*notes, *_changed_meanwhile(domains)])
        for guess in made.task.guesses:
            context.log.info(guess)
        found = match_clients(warehouse, domains, made.rows)
        checks = [_check(made), guard_checks.as_of_result(probe_as_of(made)), guard_checks.clients_result(found)]
        tag = _record(context.run, warehouse, made, domains, content)
        warehouse.sample(key).write(made, domains, guard_checks.warnings_of(checks), tag)
        with tracking.launch(context.run, key, context.log) as launch:
            launch.log_facts(made.task, tag)
        guard_checks.tell(context, checks)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(content),
            metadata=_metadata(made, domains, found) | {"ledger": dg.MetadataValue.text(tag)},
            check_results=checks,
        )

    return sample


def _changed_meanwhile(domains: Sequence[Domain]) -> list[str]:
    """What to tell of domain files that changed while the launch waited."""
    settings = load_settings()
    changed = changed_since(settings, domains)
    if not changed:
        return []
    return [
        f"{', '.join(changed)} changed in {settings.domains} after this launch was planned, which keeps its domains as "
        "they were. Register the sample again to train with what there is now."
    ]


def _record(run: dg.DagsterRun, warehouse: Warehouse, sample: Sample, domains: Sequence[Domain], content: str) -> str:
    """Record the launch in the ledger; return its tag."""
    from anna_core.models.bundle import code_version

    as_of = sample.rows["as_of"].to_numpy()
    launch = Launch(
        run=run.root_run_id or run.run_id,
        content=content,
        rows=sample.version,
        task=sample.task,
        marts={one.name: warehouse.mart(one).fingerprints(months_needed(one, as_of)) for one in domains},
        code=code_version(),
    )
    return Ledger.of(load_settings()).begin(sample.key, launch, list(domains))


def _metadata(sample: Sample, domains: Sequence[Domain], found: Match) -> dict[str, dg.MetadataValue]:
    task = sample.task
    counts = {name: int((sample.split == name).sum()) for name in SPLITS}
    first, last = (f"{date:%Y-%m-%d}" for date in (sample.rows["as_of"].dt.min(), sample.rows["as_of"].dt.max()))
    return {
        "dagster/row_count": dg.MetadataValue.int(len(sample)),
        "clients": dg.MetadataValue.int(sample.rows["client_id"].n_unique()),
        "clients met": dg.MetadataValue.json({one.domain: percent(one.met / found.clients) for one in found.domains}),
        "as_of": dg.MetadataValue.text(f"{first} to {last}"),
        "type": dg.MetadataValue.text(task.type.value),
        "metric": dg.MetadataValue.text(task.metric),
        "owner": dg.MetadataValue.text(task.owner),
        "guesses": dg.MetadataValue.md(bullets(task.guesses)),
        "domains": dg.MetadataValue.json([domain.name for domain in domains]),
        "split": dg.MetadataValue.json(counts),
        "target": dg.MetadataValue.md(_target_table(sample)),
    }


def _target_table(sample: Sample) -> str:
    columns = sample.rows.select(sample.task.targets)
    if sample.task.type is TaskType.REGRESSION:
        return str(pl.DataFrame(sample.target[:, 0], schema=["target"]).describe().to_pandas().to_markdown(index=False))
    rows = [
        f"| {plain(name)} | {plain(value)} | {count:,} | {percent(count / len(sample))} |"
        for name in columns.columns
        for value, count in class_names(columns[name]).value_counts(sort=True).iter_rows()
    ]
    return "\n".join(["| target | value | rows | share |", "|---|---|---|---|", *rows])


def _check(sample: Sample) -> dg.AssetCheckResult:
    problems = []
    for name in SPLITS:
        target = sample.target[sample.split == name]
        if len(target) == 0:
            problems.append(f"no {name} rows")
        elif (np.ptp(target.reshape(len(target), -1), axis=0) == 0).all():  # a rare label may be constant in a part
            problems.append(f"all {len(target)} {name} rows have the same outcome")
    cure = " Bring more rows, or a split column." if problems else ""
    return dg.AssetCheckResult(
        check_name="sample_quality",
        passed=not problems,
        description=("; ".join(problems) or "Every part holds different outcomes.") + cure,
    )


def _schema() -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn("client_id", "string"),
            dg.TableColumn("as_of", "date", description="Only events before the start of this day are seen."),
            dg.TableColumn("target", "as uploaded", description="Or several columns, `target_` and a name each."),
            dg.TableColumn("split", "string", description="train, valid or test."),
            dg.TableColumn("weight", "float32"),
        ]
    )
