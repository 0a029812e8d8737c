"""What whoever launches a run may fill in: a sample's three names, and nothing of where a deployment's folders are."""

from typing import Any

import dagster as dg
import pytest

from anna_assets.uploads.register_sample import SampleFile
from anna_core.tasks.task import TaskRequest
from anna_resources.fixed import no_io_manager
from anna_tests.graph.conftest import Deployment

SAMPLE: dict[str, Any] = {"ops": {"upload": {"config": {"file": "/bank/2024q1.csv", "task": "churn"}}}}


def jobs(deployment: Deployment) -> list[Any]:
    repository = deployment.defs.get_repository_def()
    return repository.get_all_jobs()


def test_no_job_lets_anybody_change_where_the_deployment_is(deployment: Deployment) -> None:
    found = jobs(deployment)
    assert {"train", "register_sample", "send_to_mlflow", "observe_cards", "__ASSET_JOB"} <= {job.name for job in found}
    for job in found:
        fill_in = SAMPLE if job.name == "register_sample" else {}
        dg.validate_run_config(job, fill_in)
        for name in job.resource_defs.keys() - {"io_manager"}:
            for change in ({"home": "/tmp/evil"}, {"storage": "/tmp/evil"}, {"url": "http://evil"}, {"anything": 1}):
                with pytest.raises(dg.DagsterInvalidConfigError, match="unexpected config entry"):
                    dg.validate_run_config(job, {**fill_in, "resources": {name: {"config": change}}})


def test_steps_see_the_deployments_own_folders_and_server(deployment: Deployment) -> None:
    resources = deployment.defs.resources or {}
    with dg.build_resources({name: resources[name] for name in ("warehouse", "tracking")}) as made:
        assert made.warehouse.storage == str(deployment.settings.storage)
        assert (made.tracking.url, made.tracking.home) == ("http://127.0.0.1:9", str(deployment.home))


def test_the_launchpad_begins_with_what_a_user_fills_in_and_explains_each_field(deployment: Deployment) -> None:
    job = deployment.defs.resolve_job_def("register_sample")
    assert job.run_config_schema.config_type.fields["ops"].default_value == {
        "upload": {"config": {"file": "/path/to/2024q1.csv", "task": "churn", "sample": "", "options": {}}}
    }
    fields = SampleFile.model_fields
    assert [name for name, field in fields.items() if field.is_required()] == ["file", "task"]
    assert all(len(field.description or "") > 20 for field in fields.values())
    told = fields["options"].description or ""
    assert all(name in told for name in (*TaskRequest.model_fields, "out_of_time", "epochs", "min_gru"))
    made = dg.validate_run_config(job, SAMPLE)["ops"]["upload"]["config"]
    assert made == {"file": "/bank/2024q1.csv", "task": "churn", "sample": "", "options": {}}


def test_the_example_of_the_launchpad_launched_as_it_is_says_what_to_fill_in(deployment: Deployment) -> None:
    job = deployment.defs.resolve_job_def("register_sample")
    with pytest.raises(dg.Failure, match=r"/path/to/2024q1\.csv"):
        job.execute_in_process(instance=deployment.instance)


def test_a_metric_that_there_is_not_is_told_as_an_option(deployment: Deployment) -> None:
    job = deployment.defs.resolve_job_def("register_sample")
    config = SAMPLE["ops"]["upload"]["config"] | {"options": {"metric": "rocauc"}}
    with pytest.raises(dg.Failure, match=r"^options: there is no metric 'rocauc'"):
        job.execute_in_process({"ops": {"upload": {"config": config}}}, instance=deployment.instance)


def test_a_step_that_returns_a_value_or_asks_for_one_is_told_to_use_the_warehouse(deployment: Deployment) -> None:
    for job in jobs(deployment):
        assert job.resource_defs["io_manager"] is no_io_manager

    @dg.op
    def returns() -> int:
        return 1

    @dg.job(resource_defs={"io_manager": no_io_manager})
    def pickles() -> None:
        returns()

    with pytest.raises(dg.Failure, match=r"returned a value \(int\): ANNA keeps no values of Dagster's"):
        pickles.execute_in_process()
    manager = no_io_manager.resource_fn(None)
    with pytest.raises(dg.Failure, match="name its asset in `deps`"):
        manager.load_input(dg.build_input_context())
