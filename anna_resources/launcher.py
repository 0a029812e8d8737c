"""The run launcher of a deployment on one machine: Dagster's own, which also notices that a run's process is gone.

Dagster's default launcher cannot tell the monitoring daemon whether a run still lives; a run whose code server was
killed would count as running, and hold its place in the queue, for ever. This one asks the code server that started the
run. A run found dead is marked as failed, and `run_retries` continues it from the step where it stopped.
"""

import grpc
from dagster import DagsterRun, DefaultRunLauncher
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import deserialize_value

# A launcher's interface has no public names in Dagster; whoever writes one, dagster-k8s too, imports these.

_ANSWER_SECONDS = 10


class LocalRunLauncher(DefaultRunLauncher):
    """Starts runs as processes of the code server, and knows whether they live."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Whether the monitoring daemon may ask."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Ask the code server that started a run whether its process lives; one that is gone has taken it along."""
        client = self._get_grpc_client_for_termination(run.run_id)
        if client is None:
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "The run was never handed to a code server.")
        request = CanCancelExecutionRequest(run_id=run.run_id)
        try:
            answer = deserialize_value(
                client.can_cancel_execution(request, timeout=_ANSWER_SECONDS), CanCancelExecutionResult
            )
        except (DagsterUserCodeUnreachableError, grpc.RpcError) as error:
            if _is_slow(error):
                return CheckRunHealthResult(WorkerStatus.RUNNING, "The code server is busy.")
            return CheckRunHealthResult(WorkerStatus.FAILED, "The code server that ran it is gone.")
        if answer.can_cancel:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, "The run's process is gone.")


def _is_slow(error: Exception) -> bool:
    cause = error if isinstance(error, grpc.RpcError) else error.__cause__
    return isinstance(cause, grpc.Call) and cause.code() == grpc.StatusCode.DEADLINE_EXCEEDED
