"""Real bank data through YAML files alone: every set's domains and samples, with nets too small to be good."""

import shutil
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from anna_assets.definitions import build_defs
from anna_core.domains import read_domains
from anna_resources.settings import load_settings
from anna_tests.conftest import ROOT
from anna_tests.graph.results import metadata

DEPLOYMENTS = ROOT / "benchmarks" / "deployments"
ROWS = 1_000
TINY = "training: {preset: fast, epochs: 1}\nnet: {hidden: 8, embedding: 4}\n"


@pytest.mark.parametrize(
    ("name", "tasks"),
    [
        (
            "cmb2020",
            {"inactive": "binary", "next_categories": "multilabel", "age_band": "multiclass", "outflow": "regression"},
        ),
        ("uci_default", {"default": "binary"}),
    ],
)
def test_real_samples_train(
    name: str, tasks: dict[str, str], real_bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(DEPLOYMENTS / name, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("ANNA_HOME", str(tmp_path))
    monkeypatch.setenv("ANNA_REAL_DATA", str(real_bank))
    monkeypatch.setenv("ANNA_MLFLOW_PORT", "9")
    settings = load_settings()
    domains = read_domains(settings.domains).domains
    defs = build_defs(settings, list(domains.values()))
    job = defs.resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        for domain in domains:
            defs.resolve_job_def(f"observe_{domain}").execute_in_process(instance=instance)
            tags = {
                "dagster/asset_partition_range_start": settings.start_month.isoformat(),
                "dagster/asset_partition_range_end": settings.end_month.isoformat() if settings.end_month else "",
            }
            job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey(["mart", domain])], tags=tags)
        for task, kind in tasks.items():
            folder = tmp_path / "inbox" / task
            folder.mkdir(parents=True)
            (folder / "task.yaml").write_text(TINY)
            rows = pl.read_csv(real_bank / name / "samples" / f"{task}.csv", infer_schema=False)
            rows.sample(min(ROWS, len(rows)), seed=0).write_csv(folder / "real.csv")
            instance.add_dynamic_partitions("sample", [f"{task}.real"])
            train = defs.resolve_job_def("train").execute_in_process(instance=instance, partition_key=f"{task}.real")
            assert metadata(train, "sample")["type"].value == kind
            board = [record.data for record in metadata(train, "report")["leaderboard"].records]
            assert {row["model"] for row in board if row["kind"] == "net"} == set(domains)
