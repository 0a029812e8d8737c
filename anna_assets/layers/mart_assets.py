"""Marts and dictionaries: a domain's events encoded for models, by month."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import dagster as dg

from anna_assets.automation import refresh_mart
from anna_assets.compute import mart_memory
from anna_assets.places import place
from anna_assets.steps import step_asset
from anna_core.columns.shares import percent
from anna_core.domains import Domain, FieldKind
from anna_core.errors import AnnaError, NotAsObservedError
from anna_core.marts.mart import MartMonth
from anna_core.months import parse_month
from anna_resources.names import DATA_VERSION_TAG
from anna_resources.warehouse import Warehouse

_ENDED = "is always missing, although the month before has values of it"
# Of a month with so many events a client with more than half of them is more likely a word for none.
_LARGE_MONTH = 1_000
MONTHS_PER_RUN = 24  # one run builds two years of a domain: the start of a run costs more than a small month


def mart_asset(domain: Domain, month: dg.MonthlyPartitionsDefinition) -> dg.AssetsDefinition:
    """The asset `mart/<domain>`, partitioned by month; extends `dictionary/<domain>` as it goes."""
    key = dg.AssetKey(["mart", domain.name])
    schema = _schema(domain)

    @step_asset(
        key=key,
        partitions_def=month,
        deps=[dg.AssetKey(["source", domain.name])],
        pool="hadoop",
        group_name="marts",
        kinds={"polars", "parquet"},
        owners=domain.owners,
        description=f"{domain.name}: events typed, de-duplicated, encoded and sorted, by month. {domain.description}",
        metadata={"dagster/column_schema": schema, "dagster/column_lineage": _lineage(domain)},
        automation_condition=refresh_mart(),
        backfill_policy=dg.BackfillPolicy.multi_run(MONTHS_PER_RUN),
        check_specs=[
            dg.AssetCheckSpec(
                "mart_quality",
                asset=key,
                description="No field is missing from all events of a month, and no client has most of them.",
            )
        ],
    )
    def mart(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
        stored, built = warehouse.mart(domain), dict[str, MartMonth]()
        failed: dict[str, AnnaError] = {}
        for index, partition in enumerate(context.partition_keys, start=1):
            try:
                built[partition] = stored.build(parse_month(partition), mart_memory())
            except AnnaError as error:
                context.log.error(f"{partition}: {error}")
                failed[partition] = error
                continue
            context.log.info(
                f"{partition}: {built[partition].rows:,} events ({index} of {len(context.partition_keys)})"
            )
            for reason, count in built[partition].left.items():
                context.log.warning(f"{partition}: {reason} in {count:,} of {built[partition].source_rows:,} rows.")
            if told := _of_one_client(built[partition]):
                context.log.warning(f"{partition}: {told}.")
            for name in built[partition].ended:
                context.log.warning(f"{partition}: {name} {_ENDED}. Is it still filled in?")
        paths = {month: stored.month_path(parse_month(month)) for month in built}
        if built:
            _report_dictionary(context, domain, list(built.values())[-1])
        if failed:
            for month, made in built.items():
                _report_month(context, key, month, _metadata(month, made, paths[month]), made.data_version)
            lasting = [error for error in failed.values() if not isinstance(error, NotAsObservedError)]
            first = next(iter([*lasting, *failed.values()]))  # what passes by itself is less worth telling
            raise type(first)(f"{len(failed)} of {len(context.partition_keys)} months ({', '.join(failed)}): {first}")
        for month, made in built.items():
            context.add_asset_metadata(_metadata(month, made, paths[month]), key, partition_key=month)
        return dg.MaterializeResult(
            data_version=joint_version([month.data_version for month in built.values()]),
            check_results=[_check(built)],
        )

    return mart


def dictionary_spec(domain: Domain) -> dg.AssetSpec:
    """The asset `dictionary/<domain>`: written by the mart's steps, so it has no step of its own."""
    return dg.AssetSpec(
        ["dictionary", domain.name],
        deps=[dg.AssetKey(["mart", domain.name])],
        group_name="marts",
        kinds={"parquet"},
        description=f"Categories of {domain.name} and their codes. Append-only: a code, once given, never changes.",
    )


def joint_version(versions: list[str]) -> dg.DataVersion:
    """One data version for the partitions of a step: Dagster records the same for all that a run makes together."""
    if len(versions) == 1:
        return dg.DataVersion(versions[0])
    return dg.DataVersion(hashlib.blake2b("\n".join(versions).encode(), digest_size=16).hexdigest())


def _report_month(
    context: dg.AssetExecutionContext, key: dg.AssetKey, month: str, metadata: dict[str, dg.MetadataValue], version: str
) -> None:
    """Tell that a month is made although others of the run failed, or Dagster would take it for failed, too."""
    context.log_event(
        dg.AssetMaterialization(key, partition=month, metadata=metadata, tags={DATA_VERSION_TAG: version})
    )


def _report_dictionary(context: dg.AssetExecutionContext, domain: Domain, built: MartMonth) -> None:
    sizes = built.dictionary.cardinalities
    context.log_event(
        dg.AssetMaterialization(
            ["dictionary", domain.name],
            metadata={
                "version": built.dictionary.version,
                **{f"codes of {name}": size for name, size in sizes.items()},
            },
            tags={DATA_VERSION_TAG: built.dictionary.version},
        )
    )


def _metadata(month: str, built: MartMonth, path: Path) -> dict[str, dg.MetadataValue]:
    """What is told of a month. The asset's page shows one month's, whichever was told last; the partitions' all."""
    missing = {name: percent(share) for name, share in built.missing.items()}
    categories = {name: built.dictionary.cardinalities[name] - 1 for name in built.dictionary.domain.categorical}
    return {
        "dagster/row_count": dg.MetadataValue.int(built.rows),
        "month": dg.MetadataValue.text(f"{parse_month(month):%Y-%m}"),
        "events": dg.MetadataValue.int(built.rows),
        "clients": dg.MetadataValue.int(built.clients),
        "rows in the source": dg.MetadataValue.int(built.source_rows),
        "repeated rows dropped": dg.MetadataValue.int(built.repeated),
        "rows left aside": dg.MetadataValue.int(built.left_rows),
        **{f"rows: {reason}": dg.MetadataValue.int(count) for reason, count in built.left.items()},
        "missing values": dg.MetadataValue.text(_listed(missing)),
        "categories so far": dg.MetadataValue.text(_listed(categories)),
        "fingerprint": dg.MetadataValue.text(built.data_version),
        "path": place(path),
    }


def _listed(figures: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {figure}" for name, figure in figures.items()) or "no such field"


def _check(built: dict[str, MartMonth]) -> dg.AssetCheckResult:
    problems = []
    for partition, month in built.items():
        for name in (name for name, share in month.missing.items() if share == 1):
            problems.append(f"{partition}: {name} {_ENDED if name in month.ended else 'is always missing'}")
        if told := _of_one_client(month):
            problems.append(f"{partition}: {told}")
    return dg.AssetCheckResult(
        check_name="mart_quality",
        passed=not problems,
        severity=dg.AssetCheckSeverity.WARN,  # a new field is missing from old months
        metadata={"months": len(built), "problems": dg.MetadataValue.json(problems)},
        description="; ".join(problems) or "Every field has values.",
    )


def _of_one_client(month: MartMonth) -> str:
    """A clause about a client that has more than half of a month's events; empty where none has."""
    if month.largest is None or month.rows < _LARGE_MONTH or month.largest[1] <= month.rows / 2:
        return ""
    client, events = month.largest
    return (
        f"client {client!r} has {events:,} of {month.rows:,} events; if that is a word for an unknown one, leave the "
        "client empty in these rows"
    )


def _schema(domain: Domain) -> dg.TableSchema:
    types = {FieldKind.NUMERIC: "float32", FieldKind.BOOLEAN: "uint8", FieldKind.CATEGORICAL: "code (uint8 to uint32)"}
    columns = [
        dg.TableColumn("client_id", "string"),
        dg.TableColumn("event_time", "timestamp[us]", description="The bank's wall clock."),
        *(dg.TableColumn(name, types[kind], description=kind.value) for name, kind in domain.fields.items()),
    ]
    return dg.TableSchema(columns=columns)


def _lineage(domain: Domain) -> dg.TableColumnLineage:
    source = dg.AssetKey(["source", domain.name])
    names = {"client_id": domain.columns.client_id, "event_time": domain.columns.event_time}
    names |= {name: name for name in domain.fields}
    return dg.TableColumnLineage({column: [dg.TableColumnDep(source, origin)] for column, origin in names.items()})
