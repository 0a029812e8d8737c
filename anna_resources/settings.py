"""Settings of a deployment: `$ANNA_HOME/anna.yaml`, each overridden by an environment variable `ANNA_<NAME>`."""

import datetime as dt
import json
import os
import re
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import ByteSize, Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from anna_core.columns.times import ERA
from anna_core.durations import Duration, known_zones
from anna_core.errors import AnnaError, ArtifactError
from anna_core.memory import DEFAULT_MEMORY
from anna_core.sources.source import MOST_LEFT_ASIDE
from anna_core.storage import local_root
from anna_core.strict import Strict, explain
from anna_core.tasks.task import Approval
from anna_core.yaml_files import YamlError, read_yaml
from anna_resources.notify_settings import Notify

SETTINGS_FILE = "anna.yaml"
INBOX = "inbox"  # below ANNA_HOME
LEAST_MEMORY = 2**26  # bytes; with less, the row groups that are open at once would not fit
_LONGEST_REST = 86_400  # seconds, a day: with more, what is written each night would never be read, nor built
DEFAULT_HOME = Path("~/.anna")
_A_DAY, _LEAST_RUNS = dt.timedelta(days=1), dt.timedelta(days=7)  # sensors look at the runs of the last days
_REMOTE = re.compile(
    r"(?P<scheme>ssh|https)://((?P<who>[^/@:\s]*)(:(?P<secret>[^/\s]*))?@)?[^/@\s]+/\S*"  # a host, and a path there
    r"|file:///.+|/.+|[A-Za-z0-9][\w.-]*@[\w.-]+:[^\s]+"
)
# Holds, as JSON, the settings that the code server read when it started. Its runs and their steps, which are processes
# of their own, inherit them: a file that is saved meanwhile, or half saved, must not change what is under way.
HANDED_ON = "ANNA_SETTINGS_HANDED_ON"


class SettingsError(AnnaError):
    """The deployment's settings are wrong."""


class Limits(Strict):
    """How much may run at once.

    Attributes:
        runs: Dagster runs of any kind; further ones wait in the queue.
        launches: launches among these runs; keep it below `runs`, so that refreshes and scoring do not wait for them.
        runs_per_owner: launches of the tasks of one owner.
        hadoop: steps that read tables or write what is made of them: samples, marts, sequences, histories. The name is
            of the pool in Dagster, after where banks keep such tables; no Hadoop is needed.
        memory: bytes that one of these steps works with, such as `1GiB`; its tables may be larger. The step's process
            takes more than that, though not more for a larger table: the interpreter, what Polars reads ahead of a mart
            (0.4 GiB with four fields of text, about twice that with twelve), and pages of mapped files, which the
            system takes back when it needs them.
        training: steps that train; the cores are divided among them.
        scoring: steps that score.
    """

    runs: Annotated[int, Field(ge=1)] = 4
    launches: Annotated[int, Field(ge=1)] = 2
    runs_per_owner: Annotated[int, Field(ge=1)] = 2
    hadoop: Annotated[int, Field(ge=1)] = 2
    memory: Annotated[ByteSize, Field(ge=LEAST_MEMORY)] = ByteSize(DEFAULT_MEMORY)
    training: Annotated[int, Field(ge=1)] = 2
    scoring: Annotated[int, Field(ge=1)] = 2


class Drift(Strict):
    """From which figures on a month's scores are doubtful.

    Attributes:
        warn: stability index of scores or of a field that warns; below it, it is nothing to speak of.
        error: stability index of scores that is an error.
        volume: share by which there may be more or fewer clients than the month before.
        coverage: by how much the share of clients that a domain knows may differ from that of the launch's rows.
    """

    warn: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.1
    error: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.25
    volume: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.2
    coverage: Annotated[float, Field(gt=0, le=1)] = 0.1


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
    base: Annotated[str, Field(min_length=1)] = "python:3.11-slim-bookworm"
    repository: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._:/-]*[a-z0-9]$")] = "localhost/anna"
    push: bool = False
    options: tuple[str, ...] = ()
    seconds: Annotated[int, Field(ge=1, le=_LONGEST_REST)] = 1800


class Production(Strict):
    """How production scores.

    Attributes:
        grace: a month without later events is complete once it has been over for so long, beside the domains'
            availability lags.
        drift: from which figures on its scores are doubtful.
    """

    drift: Drift = Drift()
    grace: Duration = dt.timedelta(days=3)


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
        production_scores: of a month; the newest two stay.
        mlflow_runs: MLflow's runs of launches; there, `mlflow gc` gives their room back.
        nightly: whether what is too old is removed each night; otherwise only by `anna prune --yes`.
    """

    launches: Duration | None = dt.timedelta(days=90)
    deleted: Duration | None = dt.timedelta(days=30)
    versions: Annotated[Duration, Field(ge=_A_DAY)] = dt.timedelta(days=7)  # no step reads one for a day
    dagster_runs: Annotated[Duration, Field(ge=_LEAST_RUNS)] | None = dt.timedelta(days=90)
    candidates: Duration | None = None
    retro_scores: Duration | None = None
    production_scores: Duration | None = None
    mlflow_runs: Duration | None = None
    nightly: bool = True


class Settings(BaseSettings):
    """Settings of a deployment.

    Attributes:
        home: ANNA_HOME, the deployment's folder, with its storage, its inbox and the state of Dagster and MLflow.
        domains: ANNA_DOMAINS, the folder of the domain files; by default `<home>/domains`.
        storage: URL of the folder where marts, models and scores are kept; by default `<home>/storage`.
        start_month: first day of the first month; None means the first month of the data.
        end_month: first day of the last month; None means the current month.
        time_zone: the bank's time zone, in which the day of an as_of begins.
        webserver_port: port of the Dagster UI, on loopback.
        mlflow_port: port of the MLflow server, on loopback.
        mlflow_url: address of a tracking server to use instead of the one that `anna up` starts.
        inbox_settle_seconds: a file in the inbox, or brought to it, is read once it has not changed for this long.
        source_settle_seconds: a source file is read once it has not changed for this long.
        left_aside: the share of a source's rows, 0 to 1, that may be left aside because their client or time cannot be
            read; and of the rows with a value in a column, the share in which it may be unreadable. If there are more,
            the month or the file is refused.
        approval: whether one person promotes a launch, or a second one has to approve (`four_eyes`); a task may be
            stricter.
        production: when a month is scored.
        image: how the image of a champion is built.
        request_days: after so many days an unanswered request for a promotion ends.
        public_url: address at which people open the Dagster UI, for what is sent to them.
        notify: who is told of what.
        keep: how long what is made is kept.
        ledger: where the ledger is pushed to.
        limits: how much may run at once.
    """

    model_config = SettingsConfigDict(
        env_prefix="ANNA_", env_nested_delimiter="__", extra="forbid", hide_input_in_errors=True
    )

    _are_complete: ClassVar[bool] = False  # whether the values given leave nothing to the environment and the file

    home: Path
    domains: Path
    storage: Path
    start_month: dt.date | None = None
    end_month: dt.date | None = None
    time_zone: str = "UTC"
    webserver_port: Annotated[int, Field(ge=1, le=65535)] = 3000
    mlflow_port: Annotated[int, Field(ge=1, le=65535)] = 5000
    mlflow_url: str | None = None
    inbox_settle_seconds: Annotated[float, Field(ge=0, le=_LONGEST_REST)] = 5.0
    source_settle_seconds: Annotated[float, Field(ge=0, le=_LONGEST_REST)] = 5.0
    left_aside: float = MOST_LEFT_ASIDE
    approval: Approval = Approval.ONE
    production: Production = Production()
    image: Image = Image()
    request_days: Annotated[int, Field(ge=1, le=365)] = 14
    public_url: Annotated[str, Field(pattern=r"^https?://[^\s/?#]+\S*$")] | None = None
    notify: Notify = Notify()
    keep: Keep = Keep()
    ledger: LedgerCopy = LedgerCopy()
    limits: Limits = Limits()

    @model_validator(mode="before")
    @classmethod
    def _folders_default_to_home(cls, values: dict[str, Any]) -> dict[str, Any]:
        home = Path(values["home"])
        for name in ("domains", "storage"):
            value = values.get(name) or name
            if not isinstance(value, str | Path):
                raise ValueError(f"{name} should be a path, not {value!r}")
            is_url = "://" in str(value)
            values[name] = value if is_url else home / Path(value).expanduser()  # relative ones start at home
        return values

    @field_validator("domains", mode="before")
    @classmethod
    def _domains_are_a_folder(cls, value: object) -> object:
        if "://" in str(value):
            raise ValueError("should be a folder, not a URL")
        return value

    @field_validator("storage", mode="before")
    @classmethod
    def _storage_is_local(cls, value: object) -> Path:
        try:
            return local_root(str(value))
        except ArtifactError as error:
            raise ValueError(str(error)) from error

    @field_validator("start_month", "end_month", mode="before")
    @classmethod
    def _month_begins(cls, value: object) -> object:
        if value is None or isinstance(value, dt.date):
            return value
        text = str(value)
        try:
            return dt.date.fromisoformat(f"{text}-01" if len(text) == len("2024-03") else text)
        except ValueError:
            raise ValueError("is no month; write it as 2024-03") from None

    @field_validator("left_aside", mode="before")
    @classmethod
    def _is_a_share(cls, value: object) -> object:
        try:
            is_share = not isinstance(value, bool) and 0 <= float(str(value)) <= 1
        except ValueError:
            is_share = False
        if not is_share:
            raise ValueError("should be a share from 0 to 1, as in 0.1")
        return value

    @field_validator(
        "webserver_port", "mlflow_port", "inbox_settle_seconds", "source_settle_seconds", "request_days", mode="before"
    )
    @classmethod
    def _answer_is_no_number(cls, value: object) -> object:
        if isinstance(value, bool):  # Python takes yes for 1
            raise ValueError("should be a number")
        return value

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        if zone not in known_zones():
            raise ValueError(f"'{zone}' is not a time zone: use a name such as Europe/Moscow or UTC")
        return zone

    @model_validator(mode="after")
    def _months_are_ordered(self) -> Self:
        for name, month in (("start_month", self.start_month), ("end_month", self.end_month)):
            if month is not None and month.day != 1:
                raise ValueError(f"{name} {month} is not the first of a month; write it as 2024-03")
            if month is not None and not ERA[0].date() <= month < ERA[1].date():
                raise ValueError(
                    f"{name} {month:%Y-%m} lies outside {ERA[0]:%Y} to {ERA[1].year - 1}, as no event does"
                )
        if self.start_month is not None and self.last_month < self.start_month:
            last = f"end_month {self.end_month}" if self.end_month else f"the current month, {self.last_month:%Y-%m},"
            raise ValueError(f"{last} lies before start_month {self.start_month}")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Explicit values come first, then the environment, then `anna.yaml`; complete ones are taken as they are."""
        if cls._are_complete:
            return (init_settings,)
        return init_settings, env_settings, InitSettingsSource(settings_cls, _written(anna_home() / SETTINGS_FILE))

    def keeps(self, month: dt.date) -> bool:
        """Whether a month, given by its first day, is one of the deployment's."""
        return self.first_month <= month <= self.last_month

    @property
    def first_month(self) -> dt.date:
        """First day of the first month; while nothing is known of the data, of the last month that can have any."""
        return self.start_month or min(self.last_month, _this_month())

    @property
    def last_month(self) -> dt.date:
        """First day of the last month."""
        return self.end_month or _this_month()

    @property
    def inbox(self) -> Path:
        """The folder into which samples are dropped, as `inbox/<task>/<sample>.csv`."""
        return self.home / INBOX

    @property
    def blueprint(self) -> Path:
        """The folder that remembers what the graph was last built from, see `anna_resources.blueprint`."""
        return self.storage / "blueprint"

    @property
    def dagster_home(self) -> Path:
        """Dagster's instance folder."""
        return self.home / "dagster"

    @property
    def tracking_url(self) -> str:
        """The address of MLflow."""
        return self.mlflow_url or f"http://127.0.0.1:{self.mlflow_port}"

    @property
    def webserver_url(self) -> str:
        """The address of the Dagster UI and its GraphQL API."""
        return f"http://127.0.0.1:{self.webserver_port}"

    @property
    def ui_url(self) -> str:
        """The address of the Dagster UI as people open it."""
        return (self.public_url or self.webserver_url).rstrip("/")

    @property
    def notifications(self) -> Path:
        """The folder of what is to be told, and of what was."""
        return self.storage / "notifications"


class _HandedOn(Settings):
    """Settings that another process has read; environment and file are not asked again."""

    _are_complete: ClassVar[bool] = True


def anna_home() -> Path:
    """The deployment's folder: ANNA_HOME, or `~/.anna`."""
    return Path(os.environ.get("ANNA_HOME") or DEFAULT_HOME).expanduser().resolve()


def load_settings() -> Settings:
    """The settings of the deployment at `anna_home()`: those handed to this process, else those on disk.

    Raises:
        SettingsError: a setting is wrong, or the file cannot be read; the message names it.
    """
    return _load(anna_home(), os.environ.get(HANDED_ON, ""))


def read_settings() -> Settings:
    """The settings of the deployment at `anna_home()` as file and environment are now; errors as `load_settings`."""
    return _load(anna_home(), "")


def hand_on(settings: Settings) -> None:
    """Have this process, and all that it starts, use these settings, whatever becomes of the file."""
    os.environ[HANDED_ON] = settings.model_dump_json()


@lru_cache(maxsize=8)
def _load(home: Path, handed_on: str) -> Settings:
    try:
        if handed_on and (values := json.loads(handed_on))["home"] == str(home):
            return _HandedOn(**values)
        return Settings(home=home)  # type: ignore[call-arg]  # the folders come from the validator
    except ValidationError as error:
        problems = explain(error, "settings", Settings, untold=("notify", "to"))
        # Here and below `from None`: what is below would show what the file says, and that may be a password.
        raise SettingsError(f"{home / SETTINGS_FILE} or an ANNA_* variable: {problems}") from None
    except ValueError as error:  # what a variable holds is no JSON
        raise SettingsError(f"an ANNA_* variable cannot be read: {error}") from None


def _written(file: Path) -> dict[str, Any]:
    """What the settings file says; nothing if it is empty or not there."""
    try:
        content = read_yaml(file) if file.exists() else None
    except YamlError as error:
        raise SettingsError(str(error)) from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise SettingsError(f"{file}: should hold settings, as in `time_zone: UTC`; found {type(content).__name__}.")
    if "home" in content:
        raise SettingsError(f"{file}: `home` is the folder that this file lies in, and cannot be set in it. Remove it.")
    for name in content:  # pydantic would take them in any letter case, and of two such one alone
        if name not in Settings.model_fields and (meant := name.lower()) in Settings.model_fields:
            raise SettingsError(f"{file}: {name}: letter case counts; write {meant}.")
    return content


def _this_month() -> dt.date:
    """The first day of the current month in UTC, as Dagster counts it."""
    return dt.datetime.now(dt.UTC).date().replace(day=1)
