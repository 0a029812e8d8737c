import dagster as dg

from anna_tests.graph.conftest import Deployment, write_domain
from benchmarks.speed import empty_graph


def shape(defs: dg.Definitions) -> dict[str, tuple]:
    """Of each step of the train job: what it depends on there, its pool, its checks and its partitions."""
    job = defs.resolve_job_def("train")
    nodes = job.asset_layer.asset_graph
    keys = job.asset_layer.executable_asset_keys
    found = {}
    for key in keys:
        [checks] = [{check.name for check in nodes.get_check_keys_for_assets({key})}]
        node = nodes.get(key)
        found[key.to_user_string()] = (
            {parent.to_user_string() for parent in node.parent_keys & keys},
            node.pools,
            checks,
            node.partitions_def,
        )
    return found


def test_the_benchmark_s_empty_graph_has_the_steps_of_a_launch(deployment: Deployment) -> None:
    for path in deployment.settings.domains.glob("*.yaml"):
        path.unlink()
    for seed, name in enumerate(empty_graph.DOMAINS):
        write_domain(deployment.home, name, seed)
    deployment.reload()
    ours, empty = shape(deployment.defs), shape(empty_graph.defs())
    assert len(ours) == 4 * len(empty_graph.DOMAINS) + 5
    assert empty == ours


def test_an_empty_launch_succeeds() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("sample", ["churn.q1"])
        job = empty_graph.defs().resolve_job_def(empty_graph.JOB)
        result = job.execute_in_process(instance=instance, partition_key="churn.q1")
    assert result.success
    assert len(result.get_asset_check_evaluations()) == 4 + 3 * len(empty_graph.DOMAINS)
