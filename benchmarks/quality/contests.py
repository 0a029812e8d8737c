"""The tasks: real samples with the peers' splits, and those of simulated banks, with their sequences."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from anna_core.domains import read_domains
from anna_core.memory import DEFAULT_MEMORY
from anna_core.periods import Cadence
from anna_core.samples.sample import Sample, make_sample
from anna_core.samples.splits import TEST, TRAIN, assign_folds, assign_splits, client_buckets, client_key
from anna_core.samples.targets import outcome_flags
from anna_core.sequences.build import write_sequences
from anna_core.sequences.ragged import Sequences
from anna_core.sequences.touched_months import months_needed
from anna_core.sources.source import MOST_LEFT_ASIDE
from anna_core.tasks.task import TaskRequest, parse_request
from anna_resources.warehouse import Warehouse
from anna_simbank.bank import SimulatedBank
from anna_simbank.sample_book import oracle_path, sample_path
from benchmarks.places import DEPLOYMENTS, ROOT, real_data

_TEST_PER_CENT = 20  # of the peers' protocol
SIMULATED_CLIENTS = 20_000
_ALL_ROWS = "all"  # the sample whose sequences all splits share
_ZONE = "UTC"  # the sources' time stamps carry no zone, so any will do


@dataclass(frozen=True)
class Contest:
    """One task of one set.

    Attributes:
        group: the set, or `bank <seed>`.
        task: its name.
    """

    group: str
    task: str

    @property
    def simulated(self) -> bool:
        """Whether the clients are simulated."""
        return self.group.startswith("bank")

    def __str__(self) -> str:
        return f"{self.group}/{self.task}"


REAL = tuple(
    Contest(group, task)
    for group, tasks in {
        "cmb2020": ("inactive", "car_owner", "age_band", "next_categories", "outflow"),
        "credit_record": ("overdue",),
        "uci_default": ("default",),
    }.items()
    for task in tasks
)
SIMULATED = tuple(Contest(f"bank {seed}", task) for seed in range(4) for task in ("churn", "spend"))


@dataclass(frozen=True)
class Case:
    """A sample with the sequences of each domain; `oracle` is what the simulator knew of each row, where it is one."""

    sample: Sample
    sequences: dict[str, Sequences]
    oracle: np.ndarray | None


def prepare(contest: Contest, folder: Path) -> None:
    """Make what all splits share: the simulated bank, marts and sequences; what is there is taken as it is."""
    home = _home(contest, folder)
    if contest.simulated and not (home / "samples").exists():
        SimulatedBank(clients=SIMULATED_CLIENTS, seed=int(contest.group.split()[1])).write(home)
    warehouse, key = _warehouse(contest, folder), f"{contest.task}.{_ALL_ROWS}"
    rows = make_sample(_sample_file(contest, folder), key, TaskRequest()).rows
    for domain in read_domains(_domains(contest)).domains.values():
        sequences, mart = warehouse.sequences(domain, key), warehouse.mart(domain)
        if sequences.exists():
            continue
        for month in months_needed(domain, rows["as_of"].to_numpy()):
            if not mart.month_path(month).exists():
                mart.build(month, DEFAULT_MEMORY)
        with sequences.writing() as made:
            write_sequences(domain, mart.dictionary.read(), mart.path, rows, made, DEFAULT_MEMORY)


def load(contest: Contest, seed: int, options: dict[str, Any], folder: Path) -> Case:
    """A prepared task with its rows divided as the peers do with this seed.

    No budget of time cuts a training short: what a model reaches must not hang on the machine, or on what else it does.

    Args:
        contest: the task.
        seed: of the split, 0 to 4, and of the models.
        options: of the task, as in `task.yaml`.
        folder: given to `prepare`.
    """
    training = {**options.get("training", {}), "budget": None}
    request = parse_request({"seed": seed, **options, "training": training}, str(contest))
    sample = make_sample(_sample_file(contest, folder), f"{contest.task}.s{seed}", request)
    buckets = client_buckets(client_key(sample.rows), seed)
    split = np.where(buckets < _TEST_PER_CENT, TEST, TRAIN)
    uploaded = sample.rows.drop("split", "fold").with_columns(split=pl.Series(split))
    outcomes = outcome_flags(sample.target, sample.task)
    divided, _ = assign_splits(uploaded, sample.task.split.model_copy(update={"seed": seed}), outcomes)
    fold = assign_folds(uploaded, divided, sample.task.training.folds, seed, outcomes)
    rows = sample.rows.with_columns(split=pl.Series(divided), fold=pl.Series(fold))
    warehouse, key = _warehouse(contest, folder), f"{contest.task}.{_ALL_ROWS}"
    domains = read_domains(_domains(contest)).domains
    sequences = {name: warehouse.sequences(domain, key).read(sample) for name, domain in domains.items()}
    return Case(Sample(sample.key, sample.task, rows), sequences, _oracle(contest, sample, folder))


def _oracle(contest: Contest, sample: Sample, folder: Path) -> np.ndarray | None:
    """The oracle's scores (n, K), in the task's own units; of an amount the mean that the metric asks for."""
    if not contest.simulated:
        return None
    words = pl.read_parquet(oracle_path(_home(contest, folder), contest.task)).cast({"client_id": pl.String})
    found = sample.rows.select("client_id", "as_of").join(words, on=["client_id", "as_of"], how="left")
    if sample.task.metric == "r2_log1p":
        return found.select(pl.col("oracle_log1p").exp() - 1).to_numpy()
    return found.select(pl.col("^oracle.*$").exclude("oracle_log1p")).to_numpy()


def _warehouse(contest: Contest, folder: Path) -> Warehouse:
    return Warehouse(
        home=str(_home(contest, folder)),
        storage=str(folder / "data" / contest.group / "storage"),
        time_zone=_ZONE,
        source_settle_seconds=0,
        left_aside=MOST_LEFT_ASIDE,
        cadence=Cadence.MONTH.value,
    )


def _home(contest: Contest, folder: Path) -> Path:
    """Folder that the domains' sources are relative to."""
    if contest.simulated:
        return folder / "data" / contest.group / "bank"
    os.environ["ANNA_REAL_DATA"] = str(real_data())
    return DEPLOYMENTS / contest.group


def _domains(contest: Contest) -> Path:
    return ROOT / "domains" if contest.simulated else DEPLOYMENTS / contest.group / "domains"


def _sample_file(contest: Contest, folder: Path) -> Path:
    if contest.simulated:
        return sample_path(_home(contest, folder), contest.task)
    return real_data() / contest.group / "samples" / f"{contest.task}.csv"
