"""Loading the definitions anew through the webserver."""

import graphql
import pytest
from dagster_graphql.schema import create_schema

from anna_cli.supervisor.ports import free_port
from anna_resources.code_location import RELOAD, ReloadError, reload_definitions
from anna_tests.unit.cli_stub import Stub, serving

LOADED = {"__typename": "WorkspaceLocationEntry", "locationOrLoadError": {"__typename": "RepositoryLocation"}}
BROKEN = {"__typename": "WorkspaceLocationEntry", "locationOrLoadError": {"__typename": "PythonError", "message": "no"}}


def answer(entry):
    return {"data": {"reloadRepositoryLocation": entry}}


def test_the_document_fits_the_schema():
    assert graphql.validate(create_schema().graphql_schema, graphql.parse(RELOAD)) == []


def test_the_location_is_asked_for_by_its_name():
    with serving(Stub(Reload=answer(LOADED))) as stub:
        reload_definitions(stub.url)
    assert stub.calls == [("Reload", {"name": "anna"})]


PROBLEMS = {
    "load error": (answer(BROKEN), "The definitions do not load: no"),
    "refused": (
        answer({"__typename": "ReloadNotSupported", "message": "not here"}),
        "The definitions do not load: not here",
    ),
    "not Dagster": (b"<html>", "did not load the definitions anew .*press Reload"),
    "an error": ({"errors": [{"message": "x"}]}, "did not load the definitions anew .*press Reload"),
}


@pytest.mark.parametrize(("given", "message"), PROBLEMS.values(), ids=PROBLEMS)
def test_what_went_wrong_is_told(given, message):
    with serving(Stub(Reload=given)) as stub, pytest.raises(ReloadError, match=message):
        reload_definitions(stub.url)


def test_a_webserver_that_is_not_there_is_told():
    with pytest.raises(ReloadError, match="press Reload on the Deployment page"):
        reload_definitions(f"http://127.0.0.1:{free_port()}")
