"""What `anna.yaml` says of production: its scores, images, the ledger's copy, and how long what is made is kept."""

import datetime as dt
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from anna_core.durations import Duration
from anna_core.periods import Cadence
from anna_core.strict import Strict

_A_DAY, _LEAST_RUNS = dt.timedelta(days=1), dt.timedelta(days=7)  # sensors look at the runs of the last days
_GRACE = {
    Cadence.MONTH: dt.timedelta(days=3),
    Cadence.WEEK: dt.timedelta(days=1),
    Cadence.DAY: dt.timedelta(hours=6),
}
_PART = r"[a-z0-9]+([._-]+[a-z0-9]+)*"  # of an image's name, between slashes, as registries want it
_NAMES = {
    "base": (re.compile(r"\S+"), "python:3.11-slim-bookworm"),
    "repository": (re.compile(rf"{_PART}(:[0-9]+)?(/{_PART})*"), "registry.bank.example/anna, without a tag"),
}
_REMOTE = re.compile(
    r"(?P<scheme>ssh|https)://((?P<who>[^/@:\s]*)(:(?P<secret>[^/\s]*))?@)?[^/@\s]+/\S*"  # a host, and a path there
    r"|file:///.+|/.+|[A-Za-z0-9][\w.-]*@[\w.-]+:[^\s]+"
)


class Drift(Strict):
    """From which figures on the scores of a period are doubtful.

    Attributes:
        warn: stability index of scores or of a field that warns; below it, it is nothing to speak of.
        error: stability index of scores that is an error.
        volume: share by which there may be more or fewer clients than the period before.
        coverage: by how much the share of clients that a domain knows may differ from that of the launch's rows.
    """

    warn: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.1
    error: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.25
    volume: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.2
    coverage: Annotated[float, Field(gt=0, le=1)] = 0.1

    @model_validator(mode="after")
    def _levels_rise(self) -> Self:
        if self.error < self.warn:
            raise ValueError(f"error ({self.error:g}) should be at least warn ({self.warn:g})")
        return self


class Builder(StrEnum):
    """What builds images on this machine."""

    NONE = "none"
    BUILDAH = "buildah"
    PODMAN = "podman"
    DOCKER = "docker"


class Image(Strict):
    """How the image of a champion is built.

    Attributes:
        builder: the program that builds it; `none` leaves it at the build context, for somebody else's builder.
        base: the image that it begins from, with the Python that ANNA runs in.
        repository: where its name begins, such as `registry.bank.example/anna`; the task's name follows.
        push: whether it is pushed there once it is built; the builder knows the log-in.
        options: further options of the builder's `build`, such as `--isolation=chroot`.
        seconds: a build that takes longer is given up.
    """

    builder: Builder = Builder.NONE
    base: str = "python:3.11-slim-bookworm"
    repository: str = "localhost/anna"
    push: bool = False
    options: tuple[str, ...] = ()
    seconds: Annotated[int, Field(ge=1, le=86_400)] = 1800

    @field_validator("base", "repository")
    @classmethod
    def _is_a_name(cls, name: str, field: ValidationInfo) -> str:
        form, like = _NAMES[str(field.field_name)]
        if form.fullmatch(name) is None:
            raise ValueError(f"should be the name of an image, such as {like}")
        return name


class Production(Strict):
    """How production scores.

    Attributes:
        cadence: what it scores after: each month, each week (from Monday on) or each day.
        grace: a period without later events is complete once it has been over for so long; by default three days for
            months, one for weeks, and six hours for days.
        drift: from which figures on its scores are doubtful.
    """

    cadence: Cadence = Cadence.MONTH
    drift: Drift = Drift()
    grace: Duration | None = None

    @property
    def patience(self) -> dt.timedelta:
        """`grace`, or its default."""
        return _GRACE[self.cadence] if self.grace is None else self.grace


class LedgerCopy(Strict):
    """Where the ledger is pushed to.

    Attributes:
        remote: a bare git repository, as `ssh://git@host/path`, `git@host:path`, `https://host/path` or the full path
            of a folder; None for none. It holds no password.
        credentials: for https, a file with the lines `username=…` and `password=…`; a relative path starts at home.
    """

    remote: str | None = None
    credentials: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _remote_is_one(cls, values: Any) -> Any:
        """Refuse other places, and passwords; as a fault of the block, so that the value is not shown."""
        url = values.get("remote") if isinstance(values, dict) else None
        if url is None:
            return values
        parts = _REMOTE.fullmatch(str(url))
        if parts is None:
            raise ValueError(
                "remote should be ssh://user@host/path, user@host:path, https://host/path, or the full path of a folder"
            )
        if parts["secret"] or (parts["who"] and parts["scheme"] == "https"):
            raise ValueError(
                "remote holds a password or a user that is one: take it out, and name a file with the lines "
                "`username=…` and `password=…` as credentials; with ssh a key needs none"
            )
        return values


class Keep(Strict):
    """How long what is made is kept; None: for good. What a champion, or an open request, stands on always is.

    Attributes:
        launches: the sequences and embeddings of a launch, its retro-embeddings too; models, report and scores stay.
        deleted: all of a sample whose partition and file were deleted, but its retro-scores and candidates.
        versions: what an artifact held before it was last written, and what killed writers left.
        dagster_runs: Dagster's runs with their logs, but those that made what is there now; and events of no run.
        candidates: a launch's models under its tag: it can be neither promoted nor reproduced without.
        retro_scores: of a month.
        production_histories: the histories that production scored of a week or a day; the newest two stay. Those of
            months are not among them, as retro-inference reads them, too.
        production_scores: of a period; the newest two stay.
        mlflow_runs: MLflow's runs of launches; there, `mlflow gc` gives their room back.
        nightly: whether what is too old is removed each night; otherwise only by `anna prune --yes`.
    """

    launches: Duration | None = dt.timedelta(days=90)
    deleted: Duration | None = dt.timedelta(days=30)
    versions: Annotated[Duration, Field(ge=_A_DAY)] = dt.timedelta(days=7)  # no step reads one for a day
    dagster_runs: Annotated[Duration, Field(ge=_LEAST_RUNS)] | None = dt.timedelta(days=90)
    candidates: Duration | None = None
    retro_scores: Duration | None = None
    production_histories: Annotated[Duration, Field(ge=_A_DAY)] | None = dt.timedelta(days=7)
    production_scores: Duration | None = None
    mlflow_runs: Duration | None = None
    nightly: bool = True
