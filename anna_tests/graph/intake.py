"""The inbox's sensor by hand, beside the daemon that acts on it."""

import uuid
from dataclasses import dataclass, field

import dagster as dg
import polars as pl

from anna_core.storage import write_text
from anna_tests.graph.conftest import Deployment, sample_rows

FAILURE, SUCCESS, STARTED = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.STARTED


@dataclass
class Intake:
    """A deployment whose daemon is played by the test: runs that are asked for exist, and end as the test says."""

    deployment: Deployment
    cursor: str | None = None
    runs: dict[str, str] = field(default_factory=dict)
    said: str = ""
    published: list[dict[str, dict]] = field(default_factory=list)

    @property
    def inbox(self):
        return self.deployment.home / "inbox"

    def evaluate(self) -> dg.SensorResult:
        context = dg.build_sensor_context(
            instance=self.deployment.instance,
            cursor=self.cursor,
            resources=self.deployment.defs.resources,
            definitions=self.deployment.defs,
        )
        with context:
            return self.deployment.defs.get_sensor_def("inbox")(context)

    def tick(self, status: dg.DagsterRunStatus = STARTED) -> list[str]:
        """One look of the sensor; keys of the samples that are launched, whose runs then have the status."""
        result = self.evaluate()
        self.cursor = result.cursor
        self.said = result.skip_reason.skip_message if result.skip_reason else ""
        for event in result.asset_events:
            self.deployment.instance.report_runless_asset_event(event)
            self.published.append({row["file"]: row for row in records(event)})
        for request in result.dynamic_partitions_requests:
            self.deployment.instance.add_dynamic_partitions("sample", request.partition_keys)
        for request in result.run_requests:
            tags = {**request.tags, "dagster/run_key": request.run_key, "dagster/partition": request.partition_key}
            run = dg.DagsterRun(job_name="train", run_id=str(uuid.uuid4()), tags=tags, status=status)
            self.deployment.instance.add_run(run)
            self.runs[request.partition_key] = run.run_id
        return [request.partition_key for request in result.run_requests]

    def quiet(self) -> None:
        """A tick that launches nothing."""
        assert self.tick() == []

    def row(self, file: str) -> dict:
        """The line of a file in the table that was published last."""
        return self.published[-1][file]

    def state(self, file: str) -> str:
        return self.row(file)["state"]

    def put(self, task: str, name: str, frame: pl.DataFrame | None = None) -> None:
        folder = self.inbox / task
        folder.mkdir(parents=True, exist_ok=True)
        (frame if frame is not None else sample_rows()).write_csv(folder / f".{name}")
        (folder / f".{name}").rename(folder / name)

    def settings(self, task: str, text: str, name: str = "task.yaml") -> None:
        write_text(self.inbox / task / name, text)


def records(event: dg.AssetObservation) -> list[dict]:
    return [record.data for record in event.metadata["uploads"].records]


def zeros_before(clients: pl.Expr) -> pl.DataFrame:
    """Sample rows some of whose clients are written as no source does."""
    plain = pl.col("client_id").cast(pl.String)
    return sample_rows().with_columns(client_id=pl.when(clients).then(pl.format("000{}", "client_id")).otherwise(plain))
