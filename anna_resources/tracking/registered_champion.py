"""Which launch MLflow's registry says is champion, asked in one request: sensors look often, and load no MLflow."""

import os

import requests
from requests.auth import AuthBase

from anna_resources.tracking.registry import CHAMPION, LEDGER_TAG

_SECONDS = 5.0
_PATH = "/api/2.0/mlflow/registered-models/alias"
_NONE = 404


def registered_champion(url: str, task: str) -> str:
    """Tag of the launch on which the alias `champion` of a task's model is; empty where there is none.

    Args:
        url: MLflow's address. Who asks is told by the variables that MLflow's own client knows (MLFLOW_TRACKING_TOKEN,
            or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD).
        task: the task.

    Raises:
        requests.RequestException: the server does not work, or lets nobody in.
    """
    asked = {"name": task, "alias": CHAMPION}
    answer = requests.get(url.rstrip("/") + _PATH, params=asked, auth=_auth(), timeout=_SECONDS)
    if answer.status_code == _NONE or answer.json().get("error_code") == "INVALID_PARAMETER_VALUE":  # of no such alias
        return ""
    answer.raise_for_status()
    tags = answer.json().get("model_version", {}).get("tags", [])
    return next((str(tag["value"]) for tag in tags if tag["key"] == LEDGER_TAG), "")


class _Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _auth() -> AuthBase | tuple[str, str] | None:
    name, password = os.environ.get("MLFLOW_TRACKING_USERNAME"), os.environ.get("MLFLOW_TRACKING_PASSWORD")
    if name and password:
        return name, password
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    return _Bearer(token) if token else None
