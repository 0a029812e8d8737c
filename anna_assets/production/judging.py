"""Whether a launch may score in production: the gates, asked of what is kept of it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from anna_assets.compute import scoring_threads
from anna_assets.layers.guard_checks import AS_OF_LEAK, LEAKAGE
from anna_core.analytics import gates
from anna_core.analytics.constant import constant_scores
from anna_core.analytics.gates import Gate, Rows
from anna_core.analytics.held_out import HeldOut
from anna_core.analytics.usefulness import usefulness
from anna_core.domains import Domain
from anna_core.errors import AnnaError
from anna_core.samples.column_names import AS_OF, CLIENT
from anna_core.samples.sample import Sample
from anna_core.samples.splits import TEST
from anna_resources.artifacts.candidate import CandidateFolder
from anna_resources.ledger.ledger import Ledger
from anna_resources.warehouse import Warehouse

if TYPE_CHECKING:
    from anna_core.scoring.launch_facts import LaunchFacts


def judge(warehouse: Warehouse, ledger: Ledger, domains: Iterable[Domain], tag: str, champion: str) -> list[Gate]:
    """Ask all gates of a launch.

    Args:
        warehouse: holds the candidates.
        ledger: what is on record of launches.
        domains: as they are now.
        tag: of the launch.
        champion: tag of the champion; empty where there is none.

    Raises:
        ArtifactError: what is kept of the launch cannot be read.
        LedgerError: the ledger knows no such launch.
    """
    kept = warehouse.candidate(tag)
    facts, sample, scores = kept.facts(), kept.sample(), kept.scores()
    is_test = sample.split == TEST
    held_out = HeldOut.of(is_test, sample.target, sample.weight, sample.client)
    constant = constant_scores(sample.target, sample.weight, sample.split, sample.task)
    use = usefulness({("metamodel",) * 2: scores, ("constant",) * 2: constant}, held_out, sample.task)
    result = ledger.result(tag) or {}
    return [
        gates.of_use(use.proven, f"{use}."),
        _not_worse(warehouse, facts, sample, scores, champion),
        gates.calibrated(sample.task, held_out, scores[is_test]),
        gates.stable(scores[sample.fold >= 0], scores[is_test]),
        gates.no_leak_warning(_leaks(kept)),
        gates.report_made(str(result.get("verdict", ""))),
        gates.code_known(facts.code, ledger.read(tag).code),
        domains_there(facts, domains),
    ]


def domains_there(facts: "LaunchFacts", domains: Iterable[Domain]) -> Gate:
    """The one gate that also a launch must pass that was champion before."""
    return gates.domains_there(facts.domains, {domain.name: domain for domain in domains})


def _leaks(kept: CandidateFolder) -> list[str]:
    """What guards warned of that may give the target away."""
    found = kept.warnings().items()
    return [f"{name}: {told}" for name, told in found if name.rpartition(": ")[2] in (AS_OF_LEAK, LEAKAGE)]


def _not_worse(warehouse: Warehouse, facts: "LaunchFacts", sample: Sample, scores: np.ndarray, champion: str) -> Gate:
    """Hold a launch against the champion, on held-out rows that the champion was not fitted on either."""
    if not champion:
        return gates.not_worse(sample.task, None, champion)
    try:
        rows = _shared_rows(warehouse, facts, sample, scores, champion)
    except AnnaError as error:
        return Gate(gates.NOT_WORSE, False, f"The champion {champion} cannot score the same rows: {error}")
    return gates.not_worse(sample.task, rows, champion)


def _shared_rows(warehouse: Warehouse, facts: "LaunchFacts", sample: Sample, scores: np.ndarray, champion: str) -> Rows:
    kept = warehouse.candidate(champion)
    fitted = kept.sample()
    seen = fitted.rows.filter(fitted.split != TEST).select(CLIENT, AS_OF)
    places = sample.rows.select(CLIENT, AS_OF).with_row_index("row").join(seen, on=[CLIENT, AS_OF], how="anti")["row"]
    unseen = np.zeros(len(sample), dtype=bool)
    unseen[places.to_numpy()] = True
    chosen = unseen & (sample.split == TEST)
    if not chosen.any():
        raise AnnaError("it was fitted on all of them.")
    model = kept.model()
    theirs = kept.facts().task
    if (theirs.type, theirs.score_names) != (facts.task.type, facts.task.score_names):
        raise AnnaError(
            f"it predicts {', '.join(theirs.score_names)} ({theirs.type.value}), this one "
            f"{', '.join(facts.task.score_names)} ({facts.task.type.value})."
        )
    sequences = {
        domain.name: warehouse.sequences(domain, sample.key).read(sample).take(chosen) for domain in model.facts.domains
    }
    held_out = HeldOut.of(chosen, sample.target, sample.weight, sample.client)
    return Rows(held_out, scores[chosen], model.predict(sequences, scoring_threads()))
