"""ANNA's code location: the name by which Dagster knows the definitions, and how to reload them."""

from anna_core.errors import AnnaError

LOCATION = "anna"
_ANSWER_SECONDS = 120.0  # a new code server imports Dagster, and the webserver reads the graph from it
RELOAD = """
mutation Reload($name: String!) {
  reloadRepositoryLocation(repositoryLocationName: $name) {
    __typename
    ... on WorkspaceLocationEntry {
      loadStatus locationOrLoadError { __typename ... on PythonError { message } }
    }
    ... on Error { message }
  }
}
"""


class ReloadError(AnnaError):
    """The definitions could not be reloaded."""


def reload_definitions(webserver_url: str) -> None:
    """Reload the definitions, as the button Reload in the UI does; runs in progress keep the ones they started with.

    Raises:
        ReloadError: the webserver does not answer, or the definitions do not load.
    """
    import requests  # every step's process loads the sensor's module, and only the sensor needs it

    try:
        with requests.Session() as session:
            session.trust_env = False  # the webserver is on this machine, which a proxy of the bank's does not reach
            request = {"query": RELOAD, "variables": {"name": LOCATION}}
            answer = session.post(f"{webserver_url}/graphql", json=request, timeout=_ANSWER_SECONDS).json()
        entry = answer["data"]["reloadRepositoryLocation"]
    except (requests.RequestException, KeyError, TypeError) as error:
        raise ReloadError(
            f"The webserver at {webserver_url} did not load the definitions anew ({error}): "
            "press Reload on the Deployment page of the UI."
        ) from error
    problem = entry.get("locationOrLoadError") or entry
    if "message" in problem:
        raise ReloadError(f"The definitions do not load: {problem['message'].strip()}")
