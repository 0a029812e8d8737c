"""A launch keeps the domains that it was planned with, in whatever graph its later steps run."""

import html

import dagster as dg
import pytest

from anna_assets.definitions import build_defs
from anna_core import storage
from anna_core.domains import read_domains
from anna_core.models.blend.metamodel import Metamodel
from anna_core.samples.sample import Sample
from anna_tests.graph.conftest import FAST, MONTHS, Deployment, sample_rows, write_domain
from anna_tests.graph.results import problem


@pytest.fixture
def trained(deployment: Deployment) -> str:
    deployment.refresh()
    key = deployment.drop("churn", "q1", sample_rows(), FAST)
    assert deployment.train(key).success
    return key


def members(deployment: Deployment, key: str) -> tuple[str, ...]:
    return Metamodel.load(storage.read_directory(deployment.settings.storage / "metamodel" / key)).members


PLANNED = ("accounts", "cards", "boosting/accounts", "boosting/cards", "boosting")


def test_a_domain_that_came_later_is_none_of_the_launch_s(deployment: Deployment, trained: str) -> None:
    write_domain(deployment.home, "odd", seed=3)
    deployment.reload()
    again = deployment.materialize("boosting", "metamodel", "report", partition=trained)
    assert again.success
    assert members(deployment, trained) == PLANNED
    refused = deployment.materialize("boosting/odd", partition=trained, check=False)
    assert not refused.success
    assert "churn.q1 was planned without odd. Register the sample again to train with it." in problem(refused)


def test_a_domain_that_went_is_still_one_of_the_launch_s(deployment: Deployment, trained: str) -> None:
    (deployment.settings.domains / "accounts.yaml").unlink()
    deployment.reload()
    assert deployment.materialize("metamodel", "report", partition=trained).success
    assert members(deployment, trained) == PLANNED


def test_a_domain_that_was_never_observed_is_not_fresh(deployment: Deployment) -> None:
    deployment.refresh()
    write_domain(deployment.home, "odd", seed=3)
    deployment.reload()
    key = deployment.drop("churn", "q1", sample_rows(), FAST)
    result = deployment.train(key, check=False)
    assert "domain odd: its source was never observed" in problem(result)
    deployment.defs.resolve_job_def("observe_odd").execute_in_process(instance=deployment.instance)
    for month in MONTHS:
        deployment.materialize("mart/odd", partition=month)
    assert deployment.train(key).success
    assert "odd" in members(deployment, key)


def test_a_file_that_cannot_be_used_is_named_where_the_launch_tells_what_was_decided(deployment: Deployment) -> None:
    note = "domains/draft.yaml: cannot be read as YAML. Until that is corrected, draft is left out."
    domains = list(read_domains(deployment.settings.domains).domains.values())
    deployment.defs = build_defs(deployment.settings, domains, (note,))
    key = deployment.drop("churn", "q1", sample_rows(), FAST)
    [made] = deployment.materialize("sample", partition=key).get_asset_materialization_events()
    metadata = made.materialization.metadata
    assert f"- {note}" in metadata["guesses"].value
    assert metadata["domains"] == dg.MetadataValue.json(["accounts", "cards"])
    sample = Sample.open(key, storage.read_directory(deployment.settings.storage / "sample" / key))
    assert sample.task.guesses[-1] == note


def test_a_launch_that_waited_while_domains_changed_says_so(deployment: Deployment) -> None:
    (deployment.settings.domains / "accounts.yaml").unlink()
    write_domain(deployment.home, "odd", seed=3)
    key = deployment.drop("churn", "q1", sample_rows(), FAST)
    [made] = deployment.materialize("sample", partition=key).get_asset_materialization_events()
    assert (
        f"- accounts, odd changed in {deployment.settings.domains} after this launch was planned, which keeps its "
        "domains as they were." in html.unescape(made.materialization.metadata["guesses"].value)
    )
