"""Whose platform answers: a deployment's id, kept in its folder and told by its platform through GraphQL.

Two deployments may have the same port in their settings, and the one that came first answers there. `anna up` writes
the id and the folder into the workspace file; Dagster shows them as metadata of the code location, also of one that
does not load.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from anna_cli.graphql import TIMEOUT_SECONDS, ClientError, GraphQLClient, Json
from anna_cli.queries import IDENTITY
from anna_core import storage
from anna_core.errors import AnnaError
from anna_resources.settings import Settings

ID_FILE = "deployment.id"
_ID, _HOME = "anna_deployment", "anna_home"


class OtherPlatformError(ClientError):
    """What answers at the deployment's port belongs to somebody else."""


@dataclass(frozen=True)
class Identity:
    """Which deployment it is.

    Attributes:
        id: made once, at random.
        home: ANNA_HOME, as the platform sees it.
    """

    id: str
    home: Path

    def metadata(self) -> Mapping[str, str]:
        """What the platform tells of itself; `told` reads it."""
        return {_ID: self.id, _HOME: str(self.home)}


class IdentityError(AnnaError):
    """The file of a deployment's id holds no id."""


def identity(home: Path) -> Identity:
    """The identity of the deployment at `home`, made where it has none yet.

    Raises:
        IdentityError: its file is damaged.
    """
    if not (home / ID_FILE).exists():
        storage.write_text(home / ID_FILE, f"{uuid.uuid4()}\n")
    return Identity(read_id(home), home)


def read_id(home: Path) -> str:
    """The id of the deployment at `home`; empty where it has none yet.

    Raises:
        IdentityError: its file is damaged.
    """
    file = home / ID_FILE
    try:
        return str(uuid.UUID(file.read_text(encoding="utf-8").strip()))
    except FileNotFoundError:
        return ""
    except ValueError:  # UnicodeDecodeError is one
        raise IdentityError(
            f"{file}: this is not the id of a deployment; the file is damaged. Stop `anna up` if it runs, remove the "
            "file, and start `anna up`: it makes a new id. Nothing else hangs on it."
        ) from None


def connect(settings: Settings, timeout: float = TIMEOUT_SECONDS) -> GraphQLClient:
    """A client of this deployment's platform; an answer may take `timeout` seconds.

    Raises:
        NotRunningError: nothing answers at its port.
        OtherPlatformError: another deployment's platform answers there, or another Dagster.
        ClientError: what answers is slow, or is not Dagster.
        IdentityError: this deployment's id cannot be read.
    """
    client = GraphQLClient(settings.webserver_url, timeout)
    check_ours(settings, client.execute(IDENTITY)["workspaceOrError"])
    return client


def check_ours(settings: Settings, workspace: Json) -> None:
    """Make sure that a workspace, as `IDENTITY` and `HEALTH` ask for it, is this deployment's.

    Raises:
        OtherPlatformError: it is not; with its folder, and what to do.
        IdentityError: this deployment's id cannot be read.
    """
    theirs = _told(workspace)
    if theirs is None:
        whose = "is not a platform of ANNA's that `anna up` started"
    elif _is_same(theirs, settings.home):
        return
    else:
        whose = f"is the platform of another deployment, {theirs.home}"
    raise OtherPlatformError(
        f"Dagster answers at port {settings.webserver_port}, but it {whose}; this one is {settings.home}. "
        f"Stop that one, or set another webserver_port in {settings.home / 'anna.yaml'} and start `anna up`"
        f"{f'; to speak to that one: anna --home {theirs.home} …' if theirs else ''}."
    )


def _is_same(theirs: Identity, home: Path) -> bool:
    if theirs.id != read_id(home):
        return False
    # A folder that was copied has the id of the first one. In another container the folder may have another path.
    return not theirs.home.exists() or theirs.home.samefile(home)


def _told(workspace: Json) -> Identity | None:
    for entry in workspace.get("locationEntries", []):
        told = {item["key"]: item["value"] for item in entry["displayMetadata"]}
        if _ID in told and _HOME in told:
            return Identity(told[_ID], Path(told[_HOME]))
    return None
