"""A small bank and its deployment, for tests that materialize the graph in a temporary instance."""

import datetime as dt
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl
import pytest

from anna_assets.definitions import build_defs
from anna_assets.partitions import calendar, monthly
from anna_core.analytics import plots
from anna_core.analytics.content import ReportContent
from anna_core.analytics.launch_plots import leaderboard_plot
from anna_core.analytics.theme import Plot
from anna_core.domains import Domain, read_domains
from anna_core.memory import DEFAULT_MEMORY
from anna_core.months import parse_month
from anna_resources import settings
from anna_resources.settings import Settings, load_settings
from anna_resources.warehouse import Warehouse

MONTHS = ("2024-01-01", "2024-02-01", "2024-03-01")
SMALL_TASK = "training: {preset: fast, epochs: 2, patience: 2}\nnet: {hidden: 8, embedding: 4}\n"

TRAINED = ("churn.q1", "churn.q2")  # of one sample, by other seeds; the latter is to be followed on drift

_SETTINGS = (
    "start_month: 2024-01\nend_month: 2024-03\ninbox_settle_seconds: 0\nsource_settle_seconds: 0\nmlflow_port: 9\n"
)
_DOMAIN = """
source: {{path: warehouse/{name}}}
event_key: [event_id]
fields: {{kind: categorical, amount: numeric, online: boolean}}
availability_lag: 1d
lookback: 60d
max_length: 50
"""
FAST = """
training: {preset: fast, epochs: 2}
net: {hidden: 8, embedding: 4}
guards: {allow: [cards.kind, accounts.kind]}
"""


@dataclass
class Deployment:
    """A deployment in a temporary folder."""

    home: Path
    instance: dg.DagsterInstance
    settings: Settings = field(init=False)
    defs: dg.Definitions = field(init=False)

    def __post_init__(self) -> None:
        self.reload()

    def reload(self) -> None:
        settings._load.cache_clear()  # a process reads them once; here the file may have changed
        self.settings = load_settings()
        self.defs = build_defs(self.settings, list(read_domains(self.settings.domains).domains.values()))

    def set(self, settings: str, instead_of: str = "") -> None:
        """Write settings into `anna.yaml`, in place of others or at its end, and load them."""
        file = self.home / "anna.yaml"
        said = file.read_text()
        assert instead_of in said
        file.write_text(said.replace(instead_of, settings) if instead_of else f"{said}{settings}\n")
        self.reload()

    @property
    def domains(self) -> list[str]:
        return sorted(path.stem for path in self.settings.domains.glob("*.yaml"))

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse.of(self.settings)

    def domain(self, name: str) -> Domain:
        return read_domains(self.settings.domains).domains[name]

    def materialize(self, *keys: str, partition: str | dg.MultiPartitionKey | None = None, check: bool = True):
        job = self.defs.resolve_implicit_global_asset_job_def()
        selection = [dg.AssetKey(key.split("/")) for key in keys]
        return job.execute_in_process(
            instance=self.instance, asset_selection=selection, partition_key=partition, raise_on_error=check
        )

    def materialize_range(self, key: str, first: str, last: str) -> dg.ExecuteInProcessResult:
        """Materialize a range of months in one run, as a backfill does; a failure is told by the result."""
        job = self.defs.resolve_implicit_global_asset_job_def()
        tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        return job.execute_in_process(
            instance=self.instance, asset_selection=[dg.AssetKey(key.split("/"))], tags=tags, raise_on_error=False
        )

    def refresh(self, months: Sequence[str] = MONTHS) -> None:
        """Observe all sources and build their marts, as the runs do that the sensors start, but without these."""
        months_kept = calendar(monthly(self.settings))
        for domain in read_domains(self.settings.domains).domains.values():
            source = self.warehouse.source(domain)
            source.mark_told(source.observe(months_kept, DEFAULT_MEMORY))
            for month in months:
                self.warehouse.mart(domain).build(parse_month(month), DEFAULT_MEMORY)

    def refresh_by_runs(self) -> None:
        """The same by runs, which tell the instance of what they made."""
        for domain in self.domains:
            self.defs.resolve_job_def(f"observe_{domain}").execute_in_process(instance=self.instance)
            for month in MONTHS:
                self.materialize(f"mart/{domain}", partition=month)

    def drop(self, task: str, sample: str, frame: pl.DataFrame, options: str = SMALL_TASK) -> str:
        """Put a sample into the inbox and add its partition, as the sensor does."""
        folder = self.home / "inbox" / task
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "task.yaml").write_text(options)
        frame.write_csv(folder / f"{sample}.csv")
        self.instance.add_dynamic_partitions("sample", [f"{task}.{sample}"])
        return f"{task}.{sample}"

    def train(self, key: str, check: bool = True):
        job = self.defs.resolve_job_def("train")
        return job.execute_in_process(instance=self.instance, partition_key=key, raise_on_error=check)

    def rewrite_month(self, domain: str, month: str, frame: pl.DataFrame) -> None:
        write_month(self.home, domain, month, frame)


def events(seed: int, month: str, clients: int = 60, per_client: int = 8) -> pl.DataFrame:
    """A month of events; a client's `kind` tells its target, see `sample_rows`."""
    random = np.random.default_rng([seed, int(month[5:7])])
    first = dt.datetime.fromisoformat(month)
    n = clients * per_client
    client = np.repeat(np.arange(clients), per_client)
    kind = np.where(random.random(n) < 0.9, client % 2, 1 - client % 2)
    return pl.DataFrame(
        {
            "event_id": np.arange(n) + 1_000_000 * int(month[5:7]),
            "client_id": client,
            "event_time": [first + dt.timedelta(seconds=int(s)) for s in random.integers(0, 27 * 86_400, n)],
            "kind": [f"k{k}" for k in kind],
            "amount": random.lognormal(3, 1, n),
            "online": random.random(n) < 0.5,
        }
    )


def sample_rows(clients: int = 60, as_of: str = "2024-03-15") -> pl.DataFrame:
    """A binary sample whose target is told by the events' kinds."""
    return pl.DataFrame(
        {"client_id": range(clients), "as_of": [as_of] * clients, "target": [c % 2 for c in range(clients)]}
    )


def write_month(home: Path, domain: str, month: str, frame: pl.DataFrame) -> None:
    folder = home / "warehouse" / domain
    folder.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(folder / f"{month[:7]}.parquet")


def write_domain(home: Path, name: str, seed: int, clients: int = 60) -> None:
    (home / "domains").mkdir(exist_ok=True)
    (home / "domains" / f"{name}.yaml").write_text(_DOMAIN.format(name=name))
    for month in MONTHS:
        write_month(home, name, month, events(seed, month, clients))


@pytest.fixture(autouse=True)
def few_plots(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have launches draw one plot of their report: all of them take longer than these small launches themselves."""
    if request.node.get_closest_marker("all_plots") is None:
        monkeypatch.setattr(plots, "report_figures", _leaderboard_alone)


def _leaderboard_alone(content: ReportContent) -> dict[str, Plot]:
    plot = leaderboard_plot(content)
    return {plot.name: plot}


@contextmanager
def deployed(home: Path) -> Iterator[Deployment]:
    """A deployment in a folder, which is filled where it is empty."""
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        for name in ("ANNA_DOMAINS", "ANNA_STORAGE"):
            patch.delenv(name, raising=False)
        patch.setenv("ANNA_HOME", str(home))
        if not (home / "anna.yaml").exists():
            (home / "anna.yaml").write_text(_SETTINGS)
            write_domain(home, "cards", seed=1)
            write_domain(home, "accounts", seed=2, clients=40)  # a third of the clients has no account
        yield Deployment(home, instance)


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    with deployed(tmp_path) as found:
        yield found


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a deployment in which `TRAINED` have been trained; whoever changes it takes `trained`."""
    home = tmp_path_factory.mktemp("trained")
    with deployed(home) as found, pytest.MonkeyPatch.context() as patch:
        patch.setattr(plots, "report_figures", _leaderboard_alone)
        found.refresh()
        for seed, key in enumerate(TRAINED):
            options = f"{SMALL_TASK}seed: {seed}\nretrain: {'on_drift' if seed else 'never'}\n"
            found.train(found.drop(*key.split("."), sample_rows(), options))
    return home


@pytest.fixture
def trained(tmp_path: Path, trained_home: Path) -> Iterator[Deployment]:
    """A copy of it. Its instance knows the partitions, and nothing of the runs."""
    shutil.copytree(trained_home, tmp_path, dirs_exist_ok=True, symlinks=True)
    with deployed(tmp_path) as found:
        found.instance.add_dynamic_partitions("sample", list(TRAINED))
        found.instance.add_dynamic_partitions("task", ["churn"])
        yield found


@dataclass
class Clock:
    """The sensors' clock: seconds that have passed beside the real ones."""

    seconds: float = 0.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    passed, real = Clock(), time.time
    monkeypatch.setattr(time, "time", lambda: real() + passed.seconds)
    return passed
