"""What the intake says of the samples in the inbox: the table that the asset `uploads` was last observed with."""

import json
from dataclasses import dataclass

from anna_cli.graphql import GraphQLClient, Json
from anna_cli.launch import Launch, State
from anna_cli.queries import UPLOADS
from anna_resources.names import TRAIN_JOB, UPLOADS_ASSET


@dataclass(frozen=True)
class Upload:
    """A sample in the inbox.

    Attributes:
        key: of the sample; empty where its file's name cannot make one.
        file: the file in the inbox.
        state: settling, waiting, refused, starting or launched.
        reason: why it is so, in words for people; may be empty.
        run_id: of its launch.
        watched: run of the attempt at it whose end tells whether it is launched again; empty once that is known.
        content: digest of the file and of what was said of it; empty until it was read.
        warnings: what the user should know.
    """

    key: str
    file: str = ""
    state: State = State.SETTLING
    reason: str = ""
    run_id: str = ""
    watched: str = ""
    content: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said beside the launch of an upload that was launched."""
        return (self.reason, *self.warnings) if self.reason else self.warnings

    def as_launch(self) -> Launch:
        """The launch that is to come of it, for those who look at launches."""
        return Launch(
            run_id="",
            key=self.key or self.file,
            job=TRAIN_JOB,
            state=self.state,
            created=0.0,
            began=None,
            ended=None,
            reason=self.reason or None,
            notes=self.warnings,
        )


def read_uploads(client: GraphQLClient) -> list[Upload]:
    """All uploads without a launch, and those that were launched lately, the oldest change first of each.

    None where the intake has not looked yet.

    Raises:
        ClientError: ANNA does not answer.
    """
    node = client.expect("AssetNode", UPLOADS)
    entries = [entry for event in node["assetObservations"] for entry in event["metadataEntries"]]
    table: list[str] = next((entry["table"]["records"] for entry in entries if entry["label"] == UPLOADS_ASSET), [])
    return [_read(json.loads(record)) for record in reversed(table)]


def _read(row: Json) -> Upload:
    return Upload(
        key=row["sample"],
        file=row["file"],
        state=State(row["state"]),
        reason=row["reason"],
        run_id=row["run"],
        watched=row.get("watched", ""),
        content=row["content"],
        warnings=tuple(row["warnings"].splitlines()),
    )
