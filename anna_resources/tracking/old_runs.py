"""MLflow's runs of launches that ended long ago."""

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_PARENT_TAG, _PAGE = "mlflow.parentRunId", 500


def delete_old_runs(url: str, tasks: Collection[str], before: float, needed: Collection[str], do: bool) -> int:
    """Number of the launches' runs, with those of their models, that ended before a Unix time and can go.

    Runs that a registered model was made of stay. MLflow only marks what is deleted; `mlflow gc` gives its room back.

    Args:
        url: of MLflow.
        tasks: whose experiments are ANNA's.
        before: Unix time.
        needed: tags of launches in the ledger whose runs stay.
        do: whether to delete them.

    Raises:
        MlflowException: MLflow does not answer.
    """
    from mlflow import MlflowClient

    client, number = MlflowClient(url), 0
    for task in tasks:
        experiment = client.get_experiment_by_name(task)
        if experiment is None:
            continue
        within = experiment.experiment_id
        for run in _search(client, within, f"attributes.end_time < {int(before * 1000)}"):
            if not _may_go(client, run, needed):
                continue
            for one in (*_search(client, within, f"tags.`{_PARENT_TAG}` = '{run.info.run_id}'"), run):
                number += 1
                if do:
                    client.delete_run(one.info.run_id)
    return number


def _may_go(client: "MlflowClient", run: "Run", needed: Collection[str]) -> bool:
    """Whether a run is of a whole launch, one that is not needed and that no registered model was made of."""
    tag = run.data.params.get("ledger", "")
    if not tag or tag in needed or _PARENT_TAG in run.data.tags:
        return False
    return not client.search_model_versions(f"run_id = '{run.info.run_id}'", max_results=1)


def _search(client: "MlflowClient", experiment: str, condition: str) -> "Iterator[Run]":
    """All runs that meet a condition; read before any is deleted, or pages would move."""
    found, token = list["Run"](), None
    while token is not None or not found:
        page = client.search_runs([experiment], condition, max_results=_PAGE, page_token=token)
        found += page
        if not (token := page.token):
            break
    yield from found
