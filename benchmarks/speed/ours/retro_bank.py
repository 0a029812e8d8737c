"""What the retro piece begins with: a simulated bank's marts, three domain models and a metamodel."""

import datetime as dt
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anna_core.domains import Domain, read_domains
from anna_core.marts.dictionary import Dictionary, read_dictionary
from anna_core.memory import DEFAULT_MEMORY
from anna_core.models.blend.fitting import train_metamodel
from anna_core.models.nets.domain_model import DomainModel
from anna_core.models.progress import ignore
from anna_core.models.training.domain import train_domain_model
from anna_core.models.trees.training import train_boosting
from anna_core.months import months_between
from anna_core.samples.sample import Sample, make_sample
from anna_core.sequences.build import write_sequences
from anna_core.sources.source import MOST_LEFT_ASIDE, Source
from anna_core.tasks.task import TaskRequest
from anna_core.tasks.training import TrainingSpec
from anna_simbank.bank import SimulatedBank
from benchmarks.places import ROOT
from benchmarks.speed.ours.bank_domain import built_months

ZONE = "Europe/Moscow"
# Credit history looks back two years.
FIRST_MONTH, LAST_MONTH, MONTHS = dt.date(2023, 1, 1), dt.date(2024, 12, 1), 24
KEY, SAMPLE_ROWS, EPOCHS = "churn.bench", 2_000, 1


@dataclass(frozen=True)
class RetroBank:
    """A bank's folder; its domains are those that the project comes with."""

    folder: Path

    @property
    def domains(self) -> dict[str, Domain]:
        """By name."""
        return read_domains(ROOT / "domains").domains

    def mart(self, domain: Domain) -> Path:
        """Folder of a domain's marts."""
        return self.folder / "mart" / domain.name

    def dictionary(self, domain: Domain) -> Dictionary:
        """A domain's dictionary."""
        return read_dictionary(domain, self._dictionary(domain))

    def model(self, domain: Domain) -> Path:
        """Folder of a domain's model."""
        return self.folder / "model" / domain.name

    @property
    def metamodel(self) -> Path:
        """Folder of the metamodel, the last thing that `prepare` makes."""
        return self.folder / "metamodel"

    def prepare(self, clients: int, threads: int) -> None:
        """Simulate the bank unless it is there, and make marts and models anew with the code as it is."""
        if not self._simulated():
            SimulatedBank(clients=clients, months=MONTHS, start=FIRST_MONTH).write(self.folder)
        for made in ("mart", "dictionary", "model", "trees", "metamodel"):
            shutil.rmtree(self.folder / made, ignore_errors=True)
        for domain in self.domains.values():
            source = Source(domain, self.folder, ZONE, 0.0, MOST_LEFT_ASIDE)
            months = months_between(FIRST_MONTH, LAST_MONTH)
            list(built_months(source, months, self.mart(domain), self._dictionary(domain)))
        self._train(self.sample(), threads)

    def _simulated(self) -> bool:
        mark = self.folder / "warehouse" / "simulated_bank.json"
        return mark.exists() and '"complete": true' in mark.read_text(encoding="utf-8")

    def sample(self) -> Sample:
        """The rows that the models are trained on."""
        request = TaskRequest(training=TrainingSpec(epochs=EPOCHS, patience=EPOCHS))
        sample = make_sample(self.folder / "samples" / "churn.csv", KEY, request)
        rows = np.random.default_rng(0).permutation(len(sample))[:SAMPLE_ROWS]
        return Sample(sample.key, sample.task, sample.rows[rows])

    def _train(self, sample: Sample, threads: int) -> None:
        """Nets of the product's default shape; how well they score does not matter here."""
        vectors, cut = {}, {}
        for name, domain in self.domains.items():
            folder = self.folder / "sequences" / name
            folder.mkdir(parents=True, exist_ok=True)
            cut[name] = write_sequences(
                domain, self.dictionary(domain), self.mart(domain), sample.rows, folder, DEFAULT_MEMORY
            )
            model: DomainModel = train_domain_model(
                cut[name],
                sample.target,
                sample.weight,
                sample.split,
                sample.task,
                ignore,
                threads,
                sample.fold,
                sample.client,
            )
            model.save(self.model(domain), {})
            vectors[name] = model.predict(cut[name], threads=threads, fold=sample.fold)
        versions = {name: DomainModel.load(self.model(domain)).data_version for name, domain in self.domains.items()}
        for name, read in self.boosters.items():
            trees = train_boosting(
                [cut[one] for one in read],
                sample.target,
                sample.weight,
                sample.split,
                sample.fold,
                sample.task,
                threads,
            )
            trees.save(self.trees(name), {})
            vectors[name] = trees.vectors(trees.predict([cut[one] for one in read], threads, sample.fold), cut)
            versions[name] = trees.data_version
        learnt = sample.target, sample.weight, sample.split, sample.fold >= 0, sample.task
        metamodel = train_metamodel(vectors, *learnt, ignore, sample.client, unseen=None)
        metamodel.save(self.metamodel, {"models": versions})

    @property
    def boosters(self) -> dict[str, list[str]]:
        """Trees by the metamodel's name for them, and the domains that they read."""
        return {**{f"boosting/{name}": [name] for name in self.domains}, "boosting": list(self.domains)}

    def trees(self, name: str) -> Path:
        """Folder of the trees' bundle."""
        return self.folder / "trees" / name.replace("/", "-")

    def _dictionary(self, domain: Domain) -> Path:
        return self.folder / "dictionary" / domain.name
