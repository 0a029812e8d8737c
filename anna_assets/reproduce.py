"""A launch made once more from what is on record of it, in a storage of its own; and whether its scores are the same.

`anna reproduce` runs it as a process of its own: python -m anna_assets.reproduce STORAGE TAG, with the deployment's
storage; the settings of the process name an empty one.
"""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import numpy as np

from anna_assets.compute import mart_memory
from anna_assets.definitions import build_defs
from anna_assets.partitions import calendar, monthly
from anna_core.domains import Domain
from anna_core.errors import AnnaError
from anna_core.months import parse_month
from anna_core.samples.sample import Sample
from anna_resources.artifacts.candidate import CandidateFolder
from anna_resources.ledger.ledger import Launch, Ledger
from anna_resources.settings import load_settings
from anna_resources.warehouse import Warehouse

_AGAIN = ("sequences", "models")  # groups of the assets that are made once more; the sample is taken as it was kept


class NotReproducedError(AnnaError):
    """A launch cannot be made once more, or does not come out the same."""


def reproduce(kept: CandidateFolder, launch: Launch, domains: list[Domain]) -> str:
    """Make a launch once more in the deployment of this process, which is empty; return what came of it.

    Args:
        kept: what is kept of the launch.
        launch: what the ledger has on record of it.
        domains: those that it was planned with.

    Raises:
        NotReproducedError: marts or scores differ; the message says which, and why as far as that is known.
    """
    settings, sample = load_settings(), kept.sample()
    warehouse = Warehouse.of(settings)
    for domain in domains:
        if (known := kept.dictionary(domain.name)).exists():  # codes are given in the order in which values came
            warehouse.dictionary(domain).file.parent.mkdir(parents=True)
            shutil.copyfile(known, warehouse.dictionary(domain).file)
    if differing := list(_build_marts(warehouse, domains, launch)):
        raise NotReproducedError(
            f"{launch.tag} cannot be made once more, as these months hold other rows than then: "
            f"{', '.join(differing)}. Bring back the files that they were made of."
        )
    warehouse.sample(sample.key).write(sample, domains, {}, launch.tag)
    _train(build_defs(settings, domains), sample)
    found, scores = warehouse.metamodel(sample.key).read_with_scores()
    before = kept.scores()
    if np.array_equal(before, scores):
        return f"{launch.tag}: the scores of all {len(scores):,} rows are the same, bit for bit."
    then, now = kept.model().scorer.metamodel.provenance, found.provenance
    raise NotReproducedError(
        f"{launch.tag}: the scores differ by up to {np.abs(before - scores).max():.3g} (mean "
        f"{np.abs(before - scores).mean():.3g}). {_why(then, now)}"
    )


def _build_marts(warehouse: Warehouse, domains: list[Domain], launch: Launch) -> Iterator[str]:
    """Build the months that the launch read, and yield those that hold other rows than then."""
    months_kept = calendar(monthly(load_settings()))
    for domain in domains:
        wanted = launch.marts[domain.name]
        if not wanted:
            continue
        stored = warehouse.source(domain)
        stored.mark_told(stored.observe(months_kept, mart_memory()))
        months = [parse_month(key) for key in sorted(wanted)]
        for month in months:
            warehouse.mart(domain).build(month, mart_memory())
        found = warehouse.mart(domain).fingerprints(months)
        yield from (f"{domain.name} {key[:7]}" for key in sorted(wanted) if found.get(key) != wanted[key])


def _train(defs: dg.Definitions, sample: Sample) -> None:
    graph, job = defs.resolve_asset_graph(), defs.resolve_implicit_global_asset_job_def()
    keys = [key for key in graph.materializable_asset_keys if graph.get(key).group_name in _AGAIN]
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("sample", [sample.key])
        job.execute_in_process(instance=instance, asset_selection=keys, partition_key=sample.key)


def _why(then: dict[str, object], now: dict[str, object]) -> str:
    """In what two launches of the same rows differ, as far as that is on record."""
    parts = []
    for name in ("machine", "threads", "precision", "versions"):
        if then.get(name) != now.get(name):
            parts.append(f"{name}: {then.get(name)} then, {now.get(name)} now")
    return f"What differs: {'; '.join(parts)}." if parts else "Nothing on record differs: please report it."


def main(storage: str, tag: str) -> int:
    """Reproduce a launch of the deployment whose storage this is; the exit code."""
    kept, ledger = CandidateFolder.below(Path(storage), tag), Ledger.of(load_settings())
    try:
        print(reproduce(kept, ledger.read(tag), ledger.domains(tag)))
    except AnnaError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
