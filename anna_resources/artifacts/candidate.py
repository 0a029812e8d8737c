"""A candidate: all that a launch's models need to score and to be judged, kept under the launch's tag for good.

What a launch writes under its sample's key is replaced when the sample is launched again; a champion must not be.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import TypeAdapter

from anna_core.errors import AnnaError
from anna_core.keys import key_of_tag
from anna_core.marts.dictionary import DICTIONARY_FILE
from anna_core.models.scores_file import read_scores
from anna_core.samples.sample import Sample
from anna_resources.artifacts.folder import ArtifactFolder, read_json
from anna_resources.artifacts.visible import keep_warnings, read_warnings

if TYPE_CHECKING:
    from anna_core.analytics.drift import DomainShares
    from anna_core.scoring.launch_facts import LaunchFacts
    from anna_core.scoring.launch_model import LaunchModel

_MODEL, _SAMPLE, _SCORES, _REFERENCE = "model", "sample", "scores.parquet", "reference.json"


class CandidateError(AnnaError):
    """A candidate cannot be kept, or is not there."""


@dataclass(frozen=True)
class Parts:
    """Where the parts of a launch lie now, to be copied.

    Attributes:
        nets: domain → folder of its nets.
        trees: what the metamodel calls them → folder of the trees.
        metamodel: folder of the metamodel and its scores of the sample's rows.
        dictionaries: domain → file of its dictionary, where a mart of it was ever built.
    """

    nets: Mapping[str, Path]
    trees: Mapping[str, Path]
    metamodel: Path
    dictionaries: Mapping[str, Path]


@dataclass(frozen=True)
class CandidateFolder(ArtifactFolder):
    """A launch's models in one folder, its sample, its scores of the sample's rows, and what guards warned of.

    Attributes:
        tag: of the launch.
    """

    tag: str

    @classmethod
    def below(cls, storage: Path, tag: str) -> "CandidateFolder":
        """That of a launch in a deployment's storage."""
        return cls(storage / "candidate" / tag, tag)

    def write(
        self,
        facts: "LaunchFacts",
        parts: Parts,
        sample: Sample,
        warnings: Mapping[str, str],
        reference: Mapping[str, "DomainShares"],
    ) -> "LaunchModel":
        """Keep a launch, unless it is kept already; return its model.

        Args:
            facts: what is known of it besides.
            parts: where its models lie.
            sample: its rows.
            warnings: as of `warnings`.
            reference: as of `reference`.

        Raises:
            ArtifactError: a part is damaged, or was trained again after the metamodel was fitted on it.
            CandidateError: another model is kept under this tag.
        """
        from anna_core.scoring import launch_model
        from anna_core.scoring.clients import require_same_generation
        from anna_core.scoring.launch_facts import write_facts

        with self.writing() as folder:
            model = folder / _MODEL
            for name, place in parts.nets.items():
                _link(place, launch_model.net_folder(model, name))
            for name, place in parts.trees.items():
                _link(place, launch_model.trees_folder(model, name), leave=_SCORES)  # of clients; no part of a model
            _link(parts.metamodel, launch_model.metamodel_folder(model))
            for name, file in parts.dictionaries.items():
                into = launch_model.dictionary_folder(model, name)
                into.mkdir(parents=True)
                _link_file(file, into / file.name)
            write_facts(model, facts)
            (folder / _SAMPLE).mkdir()
            sample.write(folder / _SAMPLE)
            os.replace(launch_model.metamodel_folder(model) / _SCORES, folder / _SCORES)
            keep_warnings(folder, warnings)
            (folder / _REFERENCE).write_bytes(_references().dump_json(dict(reference), indent=1))
            made = launch_model.LaunchModel.load(model)
            versions = {name: net.data_version for name, net in made.nets.items()}
            versions |= {name: trees.data_version for name, trees in made.scorer.trees.items()}
            require_same_generation(made.scorer.metamodel, versions)
            if self.exists() and (kept := self.model().version) != made.version:
                raise CandidateError(
                    f"{self.tag} is kept with the models {kept}, and stays what the ledger calls so; these are "
                    f"{made.version}. Submit the sample again: its launch gets a tag of its own."
                )
        return made

    def model_folder(self) -> Path:
        """The folder of the models, which needs nothing else. Raises `ArtifactError` where there is none."""
        return self.current() / _MODEL

    def model(self) -> "LaunchModel":
        """Load the models. Raises `ArtifactError` where there are none."""
        from anna_core.scoring.launch_model import LaunchModel

        return LaunchModel.load(self.model_folder())

    def dictionary(self, domain: str) -> Path:
        """The file of a domain's dictionary as it was at training, whether or not the launch reads the domain."""
        from anna_core.scoring.launch_model import dictionary_folder

        return dictionary_folder(self.current() / _MODEL, domain) / DICTIONARY_FILE

    def facts(self) -> "LaunchFacts":
        """What is known of the launch, without loading its models. Raises `ArtifactError` where there is none."""
        from anna_core.scoring.launch_facts import read_facts

        return read_facts(self.current() / _MODEL)

    def sample(self) -> Sample:
        """The rows that it was trained and judged on. Raises `ArtifactError` where there are none."""
        return Sample.open(key_of_tag(self.tag), self.current() / _SAMPLE)

    def scores(self) -> np.ndarray:
        """The metamodel's scores (n, K) of the sample's rows: of each row, by models that were not fitted on it."""
        return read_scores(self.current() / _SCORES, self.facts().task.score_names)

    def warnings(self) -> dict[str, str]:
        """Name of each check that warned, after the domain's where it is of one → what of."""
        return read_warnings(self.current())

    def reference(self) -> "dict[str, DomainShares]":
        """Domain → how the events that the sample's rows see are distributed.

        Raises:
            ArtifactError: that is not kept, or in another form.
        """
        cure = "Train the task again, and promote that."
        return read_json(self.current() / _REFERENCE, _references(), cure)


def _references() -> "TypeAdapter[dict[str, DomainShares]]":
    from anna_core.analytics.drift import DomainShares

    return TypeAdapter(dict[str, DomainShares])


def _link(place: Path, into: Path, leave: str = "") -> None:
    """Give the files of a folder, but the one to leave, a second place, or copy them where there are no links."""
    into.mkdir(parents=True)
    for file in place.iterdir():
        if file.is_file() and file.name != leave:
            _link_file(file, into / file.name)


def _link_file(file: Path, into: Path) -> None:
    try:
        os.link(file, into)
    except OSError:
        shutil.copyfile(file, into)
