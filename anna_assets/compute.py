"""How steps are run, and how much of the machine each may use."""

import os
from collections.abc import Iterator

import dagster as dg
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.in_process import InProcessExecutor
from dagster._core.executor.multiprocess import MultiprocessExecutor

from anna_resources.settings import load_settings

# An executor's interface has no public names in Dagster; whoever writes one, dagster-k8s too, imports these.

PRELOADED = ("anna_assets.preload.steps",)
PRELOADED_FOR_LAUNCHES = (*PRELOADED, "anna_assets.preload.training")


def step_executor(steps: int, preloaded: tuple[str, ...] = PRELOADED) -> dg.ExecutorDefinition:
    """Steps as processes forked from one that has imported `preloaded`; at most `steps` of a run at once.

    A run of one step does it in its own process: importing everything once more takes longer than most such steps.
    """

    @dg.executor(name="steps", config_schema={}, requirements=dg.multiple_process_executor_requirements())
    def executor(_: dg.InitExecutorContext) -> dg.Executor:
        return _StepExecutor(
            RetryMode.ENABLED, steps, start_method="forkserver", explicit_forkserver_preload=list(preloaded)
        )

    return executor


class _StepExecutor(MultiprocessExecutor):
    """See `step_executor`."""

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        if len(execution_plan.step_keys_to_execute) > 1:
            return super().execute(plan_context, execution_plan)
        alone = InProcessExecutor(self.retries, self.step_dependency_config)
        return alone.execute(plan_context, execution_plan)


def training_threads() -> int:
    """Threads of one training step: the cores are divided among the steps that may train at once.

    Threads that compete for cores can be far slower than fewer that have one each (docs/speed.md).
    """
    return max(1, _cores() // load_settings().limits.training)


def scoring_threads() -> int:
    """Threads of one scoring step."""
    return max(1, _cores() // load_settings().limits.scoring)


def mart_memory() -> int:
    """Bytes that one mart, sequence or history step works with."""
    return int(load_settings().limits.memory)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
