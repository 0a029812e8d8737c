"""A launch as one model in one folder, which needs nothing else: it can be kept, copied, and served by itself.

launch.json          the task, the domains, and what the launch is called in the ledger
nets/<domain>/       the nets of each domain
trees/<domain>/      the trees on each domain's aggregates; `trees/+/` those on all domains'
metamodel/           what weighs them
dictionaries/<domain>/   the codes of categories as they were at training; later ones are added at the end
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from anna_core.errors import ArtifactError
from anna_core.keys import TREES
from anna_core.models.blend.metamodel import Metamodel
from anna_core.models.nets.domain_model import DomainModel
from anna_core.models.trees.model import BoostingModel
from anna_core.scoring.clients import ClientScorer, embed_clients
from anna_core.scoring.launch_facts import LaunchFacts, read_facts
from anna_core.sequences.ragged import Sequences

_NETS, _TREES, _METAMODEL, _DICTIONARIES = "nets", "trees", "metamodel", "dictionaries"
_ALL_DOMAINS = "+"  # no domain can be called so


@dataclass(frozen=True)
class LaunchModel:
    """All models of a launch.

    Attributes:
        facts: what else is known of it.
        nets: domain → its nets.
        scorer: the trees, and the metamodel.
    """

    facts: LaunchFacts
    nets: Mapping[str, DomainModel]
    scorer: ClientScorer

    @property
    def version(self) -> str:
        """Data version of the metamodel, which stands beside each score."""
        return self.scorer.metamodel.data_version

    def score(self, histories: Mapping[str, Sequences], as_of: dt.date, threads: int) -> pl.DataFrame:
        """Score every client who has a history in any domain, by the same code and bits as retro-scores.

        Args:
            histories: domain → the sequences of its clients as of the date.
            as_of: the date of the scores.
            threads: number of CPU threads.

        Returns:
            One row per client, see `score_frame`.

        Raises:
            ArtifactError: a history is missing, or was cut by other rules than those that the nets were trained on.
        """
        if missing := sorted(self.nets.keys() - histories.keys()):
            raise ArtifactError(f"{self.facts.tag} reads {', '.join(missing)}, of which there is no history.")
        stored = {name: embed_clients(net, histories[name], threads) for name, net in self.nets.items()}
        return self.scorer.score(stored, histories, as_of, threads)

    def predict(self, sequences: Mapping[str, Sequences], threads: int) -> np.ndarray:
        """Score n rows, such as a sample's, that the models were not fitted on.

        Args:
            sequences: domain → its sequences of the rows, in one order.
            threads: number of CPU threads.

        Returns:
            (n, K) float32 scores in the task's own units.

        Raises:
            ArtifactError: as of `score`.
        """
        if missing := sorted(self.nets.keys() - sequences.keys()):
            raise ArtifactError(f"{self.facts.tag} reads {', '.join(missing)}, of which there are no sequences.")
        return self.scorer.blend(
            {name: net.predict(sequences[name], threads) for name, net in self.nets.items()}, sequences, threads
        )

    @classmethod
    def load(cls, folder: Path) -> "LaunchModel":
        """Read the folder of a launch.

        Raises:
            ArtifactError: it is none, is of another version of ANNA, or is damaged.
        """
        metamodel, facts = Metamodel.load(folder / _METAMODEL), read_facts(folder)
        names = [name for name in metamodel.members if not _is_trees(name)]
        trees = [name for name in metamodel.members if _is_trees(name)]
        nets = {name: DomainModel.load(net_folder(folder, name)) for name in names}
        scorer = ClientScorer(metamodel, {name: BoostingModel.load(trees_folder(folder, name)) for name in trees})
        return cls(facts, nets, scorer)


def net_folder(folder: Path, domain: str) -> Path:
    """Where, in a launch's folder, the nets of a domain lie."""
    return folder / _NETS / domain


def trees_folder(folder: Path, member: str) -> Path:
    """Where, in a launch's folder, trees lie that the metamodel calls `boosting/<domain>` or `boosting`."""
    return folder / _TREES / (member.partition("/")[2] or _ALL_DOMAINS)


def metamodel_folder(folder: Path) -> Path:
    """Where, in a launch's folder, the metamodel lies."""
    return folder / _METAMODEL


def dictionary_folder(folder: Path, domain: str) -> Path:
    """Where, in a launch's folder, the dictionary of a domain lies."""
    return folder / _DICTIONARIES / domain


def _is_trees(member: str) -> bool:
    return member.partition("/")[0] == TREES
