"""The run launcher of a deployment on one machine: Dagster's own, which also notices when a run's process is gone.

Dagster's default launcher cannot tell the monitoring daemon whether a run is still alive; a run whose process was
killed would count as running for ever, and keep its place in the queue. A run found dead is marked as failed, and
`run_retries` continues it from the step where it stopped.

The launcher looks at the process itself. Asking the code server that started it is not enough: after a reload of the
definitions a new server is asked, while the old one goes on with its runs; and a run outlives a server that was killed.
The code server is asked only about a process that does not run on this machine or in this container.
"""

import signal
import time
from typing import Any

import grpc
import psutil
from dagster import DagsterEventType, DagsterRun, DefaultRunLauncher
from dagster._core.errors import DagsterUserCodeProcessError, DagsterUserCodeUnreachableError
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import deserialize_value

# A launcher's interface has no public names in Dagster; whoever writes one, dagster-k8s too, imports these.

_ANSWER_SECONDS = 10
# For so long a code server that is gone may be on its way back: a run that is called failed meanwhile cannot be started
# again, and Dagster does not try twice.
_RESTART_SECONDS = 120.0
_CLOCK_SECONDS = 2.0  # by which the system's clock and the time at which a process began may differ


class LocalRunLauncher(DefaultRunLauncher):
    """Starts runs as processes of the code server, and knows whether they are still alive."""

    def __init__(self, inst_data: Any = None) -> None:
        super().__init__(inst_data)
        self._gone_since: dict[str, float] = {}  # run → when its process and its code server were first found gone

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Whether the monitoring daemon may call `check_run_worker_health`: yes."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether a run's process is still alive."""
        if self.process_of(run.run_id) is not None:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return self._ask_code_server(run)

    def terminate(self, run_id: str) -> bool:
        """Interrupt a run, through the code server that started it or, if that is gone, by a signal to its process.

        Returns:
            Whether the run was interrupted.
        """
        try:
            if super().terminate(run_id):
                return True
        except (DagsterUserCodeUnreachableError, DagsterUserCodeProcessError) as error:
            if (process := self.process_of(run_id)) is None:
                raise
            run = self._instance.get_run_by_id(run_id)
            self._instance.report_engine_event(f"Interrupting process {process.pid}, as {error}", run)
            process.send_signal(signal.SIGINT)  # which is what the code server would do
            return True
        return False

    def process_of(self, run_id: str) -> psutil.Process | None:
        """Find a run's process on this machine; None if it has none here.

        The run's log holds its process id. A process that started after that entry only happens to have the same id.
        """
        records = self._instance.get_records_for_run(run_id, of_type=DagsterEventType.ENGINE_EVENT).records
        for record in records:
            event = record.event_log_entry.get_dagster_event()
            number = event.engine_event_data.metadata.get("pid")
            if number is None or event.step_key is not None:
                continue
            process = _living(int(str(number.value)), record.event_log_entry.timestamp)
            if process is not None:
                return process
        return None

    def _ask_code_server(self, run: DagsterRun) -> CheckRunHealthResult:
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
            if time.monotonic() < self._gone_since.setdefault(run.run_id, time.monotonic()) + _RESTART_SECONDS:
                return CheckRunHealthResult(WorkerStatus.RUNNING, "The code server is on its way back, it seems.")
            del self._gone_since[run.run_id]
            return CheckRunHealthResult(WorkerStatus.FAILED, "The run's process and its code server are gone.")
        self._gone_since.pop(run.run_id, None)
        if answer.can_cancel:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, "The run's process is gone.")


def _living(number: int, told_at: float) -> psutil.Process | None:
    """The process with this id if it existed at `told_at` (Unix time) and has not ended since, else None."""
    try:
        process = psutil.Process(number)
        began_before = process.create_time() <= told_at + _CLOCK_SECONDS
        return process if began_before and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def _is_slow(error: Exception) -> bool:
    cause = error if isinstance(error, grpc.RpcError) else error.__cause__
    return isinstance(cause, grpc.Call) and cause.code() == grpc.StatusCode.DEADLINE_EXCEEDED
