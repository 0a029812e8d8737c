"""Resources that nobody can configure at launch: `anna.yaml` decides where a deployment's folders and servers are.

Every field of a Dagster resource is by default a field of the Launchpad, and whoever launches a run may set it.
"""

from typing import Any

import dagster as dg


def fixed(resource: dg.ConfigurableResource) -> dg.ResourceDefinition:
    """Turn a resource into one without configuration: a run that tries to configure it is refused."""
    values, told = resource.model_dump(), "Set in anna.yaml: nothing to fill in here."
    return resource.get_resource_definition().configured(lambda _: values, config_schema={}, description=told)


class NoIOManager(dg.IOManager):
    """Refuses to keep what a step returns. Dagster's default would pickle it; ANNA's steps write their artifacts."""

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Raise `dagster.Failure`, which names the step and what it returned."""
        raise dg.Failure(
            f"{context.step_key} returned a value ({type(obj).__name__}): ANNA keeps no values of Dagster's. "
            "Write an artifact through the warehouse, and return a MaterializeResult.",
            allow_retries=False,
        )

    def load_input(self, context: dg.InputContext) -> Any:
        """Raise `dagster.Failure`, which says where the value should come from."""
        raise dg.Failure(
            "A step asks for a value of an earlier one: ANNA keeps no values of Dagster's. "
            "Read the artifact through the warehouse, and name its asset in `deps`.",
            allow_retries=False,
        )


no_io_manager = dg.IOManagerDefinition(
    resource_fn=lambda _: NoIOManager(), config_schema={}, description="Steps return no values; they write artifacts."
)
