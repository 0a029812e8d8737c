"""Observations and the automation sensor by hand."""

import dagster as dg

from anna_tests.graph.conftest import Deployment


class Automation:
    """The automation sensor by hand: evaluates the conditions and builds what they request."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment, self.cursor = deployment, None

    def tick(self) -> dict[str, set[str]]:
        result = dg.evaluate_automation_conditions(
            defs=self.deployment.defs, instance=self.deployment.instance, cursor=self.cursor
        )
        self.cursor = result.cursor
        requested: dict[str, set[str]] = {}
        for key in self.deployment.defs.resolve_asset_graph().materializable_asset_keys:
            if partitions := result.get_requested_partitions(key):
                requested[key.to_user_string()] = {str(partition) for partition in partitions}
        return requested

    def run(self) -> dict[str, set[str]]:
        """Observe, then build whatever is requested until nothing is; what was built."""
        for domain in self.deployment.domains:
            job = self.deployment.defs.resolve_job_def(f"observe_{domain}")
            job.execute_in_process(instance=self.deployment.instance)
        built: dict[str, set[str]] = {}
        while requested := self.tick():
            for key, partitions in sorted(requested.items(), reverse=True):
                for partition in sorted(partitions):
                    self.deployment.materialize(key, partition=partition)
                built[key] = built.get(key, set()) | partitions
        return built


def observe(deployment: Deployment) -> None:
    job = deployment.defs.resolve_job_def("observe_cards")
    assert job.execute_in_process(instance=deployment.instance).success
