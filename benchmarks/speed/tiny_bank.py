"""A deployment with so little data that a launch on it shows what starting costs.

`python -m benchmarks.speed.tiny_bank` fills the deployment at ANNA_HOME, DAGSTER_HOME being its folder of Dagster's.
"""

import datetime as dt
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl

from anna_assets.definitions import build_defs
from anna_cli.deployment_folder import make_deployment
from anna_cli.settings_file import render_settings
from anna_cli.supervisor.limits import POOLS
from anna_core.domains import read_domains
from anna_resources.settings import Settings, anna_home, load_settings
from benchmarks.speed.empty_graph import DOMAINS

MONTHS = (dt.date(2024, 1, 1), dt.date(2024, 2, 1), dt.date(2024, 3, 1))
CLIENTS, EVENTS_A_MONTH = 60, 8  # 60 rows, each of which sees some 20 events of a domain
TASK, SAMPLE = "churn", "tiny"
KEY = f"{TASK}.{SAMPLE}"

_AS_OF = dt.date(2024, 3, 15)
_OPTIONS = "training: {epochs: 1, patience: 1}\nnet: {hidden: 8, embedding: 4}\n"
_DOMAIN = """\
source: {{path: warehouse/{name}}}
event_key: [event_id]
fields: {{kind: categorical, amount: numeric, online: boolean}}
availability_lag: 1d
lookback: 60d
max_length: 50
"""


def make(home: Path, mlflow_port: int) -> None:
    """Make the deployment, its warehouse and its inbox."""
    (home / "domains").mkdir(parents=True)
    for seed, name in enumerate(DOMAINS):
        (home / "domains" / f"{name}.yaml").write_text(_DOMAIN.format(name=name), encoding="utf-8")
        (home / "warehouse" / name).mkdir(parents=True)
        for month in MONTHS:
            _events(seed, month).write_parquet(home / "warehouse" / name / f"{month:%Y-%m}.parquet")
    settings = render_settings(MONTHS[0], MONTHS[-1], mlflow_port=mlflow_port)
    make_deployment(home, settings.replace("source_settle_seconds: 5", "source_settle_seconds: 0"))
    folder = home / "inbox" / TASK
    folder.mkdir()
    (folder / "task.yaml").write_text(_OPTIONS, encoding="utf-8")
    rows = {"client_id": range(CLIENTS), "as_of": [_AS_OF] * CLIENTS, "target": [c % 2 for c in range(CLIENTS)]}
    pl.DataFrame(rows).write_csv(folder / f"{SAMPLE}.csv")


def fill(settings: Settings, instance: dg.DagsterInstance) -> None:
    """Do what `anna up` and the sensors do: set the pools, observe, build the marts, add the sample's partition."""
    for pool in POOLS:
        instance.event_log_storage.set_concurrency_slots(pool, getattr(settings.limits, pool))
    domains = list(read_domains(settings.domains).domains.values())
    defs = build_defs(settings, domains)
    assets = defs.resolve_implicit_global_asset_job_def()
    for domain in domains:
        defs.resolve_job_def(f"observe_{domain.name}").execute_in_process(instance=instance)
        for month in MONTHS:
            mart = [dg.AssetKey(["mart", domain.name])]
            assets.execute_in_process(instance=instance, asset_selection=mart, partition_key=month.isoformat())
    instance.add_dynamic_partitions("sample", [KEY])


def _events(seed: int, month: dt.date) -> pl.DataFrame:
    """A month of events; a client's `kind` tells its target nine times in ten."""
    random = np.random.default_rng([seed, month.month])
    count = CLIENTS * EVENTS_A_MONTH
    client = np.repeat(np.arange(CLIENTS), EVENTS_A_MONTH)
    kind = np.where(random.random(count) < 0.9, client % 2, 1 - client % 2)
    first = dt.datetime.combine(month, dt.time())
    return pl.DataFrame(
        {
            "event_id": np.arange(count) + 1_000_000 * month.month,
            "client_id": client,
            "event_time": [first + dt.timedelta(seconds=int(s)) for s in random.integers(0, 27 * 86_400, count)],
            "kind": [f"k{k}" for k in kind],
            "amount": random.lognormal(3, 1, count),
            "online": random.random(count) < 0.5,
        }
    )


if __name__ == "__main__":
    assert anna_home().is_dir(), f"{anna_home()}: make the deployment first"
    with dg.DagsterInstance.get() as here:
        fill(load_settings(), here)
