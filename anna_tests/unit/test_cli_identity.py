"""Whose platform answers: two deployments with the same port in their settings are not taken for each other."""

import shutil

import pytest
import yaml

from anna_cli.deployment_folder import make_deployment
from anna_cli.identity import ID_FILE, IdentityError, OtherPlatformError, connect, identity
from anna_cli.main import main
from anna_cli.supervisor.services import write_workspace
from anna_resources.settings import load_settings
from anna_tests.unit.cli_stub import Stub, identified, serving

KEY = "churn.2024q1"


@pytest.fixture
def homes(tmp_path, monkeypatch):
    """Two deployments; ANNA_HOME is the first."""
    for name in ("ours", "theirs"):
        make_deployment(tmp_path / name)
    monkeypatch.setenv("ANNA_HOME", str(tmp_path / "ours"))
    return tmp_path / "ours", tmp_path / "theirs"


def settings_at(stub):
    return load_settings().model_copy(update={"webserver_port": int(stub.url.rsplit(":", 1)[1])})


def test_a_deployment_has_one_id_for_good(homes):
    ours, theirs = homes
    first = identity(ours)
    make_deployment(ours)
    assert identity(ours) == first
    assert first.id != identity(theirs).id


def test_a_deployment_of_before_ids_gets_one_when_its_platform_starts(homes):
    ours, _ = homes
    (ours / ID_FILE).unlink()
    written = yaml.safe_load(write_workspace(load_settings(), 4000).read_text())
    (server,) = (entry["grpc_server"] for entry in written["load_from"])
    assert server["location_name"] == "anna"
    assert server["additional_metadata"] == {
        "anna_deployment": (ours / ID_FILE).read_text().strip(),
        "anna_home": str(ours),
    }


def test_its_own_platform_is_spoken_to(homes):
    ours, _ = homes
    with serving(Stub(Identity=identified(ours))) as stub:
        assert connect(settings_at(stub)).url == stub.url


def test_another_deployments_platform_is_refused_with_port_folder_and_cure(homes):
    ours, theirs = homes
    with serving(Stub(Identity=identified(theirs))) as stub, pytest.raises(OtherPlatformError) as refused:
        connect(settings_at(stub))
    port = stub.url.rsplit(":", 1)[1]
    assert str(refused.value) == (
        f"Dagster answers at port {port}, but it is the platform of another deployment, {theirs}; this one is {ours}. "
        f"Stop that one, or set another webserver_port in {ours}/anna.yaml and start `anna up`; "
        f"to speak to that one: anna --home {theirs} …."
    )


def test_a_copy_of_a_deployments_folder_is_another_deployment(homes):
    ours, theirs = homes
    shutil.copy(ours / ID_FILE, theirs / ID_FILE)
    with serving(Stub(Identity=identified(theirs))) as stub, pytest.raises(OtherPlatformError):
        connect(settings_at(stub))


def test_the_same_deployment_under_another_path_is_the_same(homes):
    ours, _ = homes
    answer = identified(ours)
    (entry,) = answer["data"]["workspaceOrError"]["locationEntries"]
    for path in (ours.with_name("not_in_this_container"), ours.with_name("link")):
        entry["displayMetadata"][1]["value"] = str(path)
        with serving(Stub(Identity=answer)) as stub:
            connect(settings_at(stub))
        if not path.exists():
            ours.with_name("link").symlink_to(ours)


def test_some_other_dagster_is_refused(homes):
    with (
        serving(Stub(Identity=identified(None))) as stub,
        pytest.raises(OtherPlatformError, match="not a platform of ANNA's that `anna up` started"),
    ):
        connect(settings_at(stub))


@pytest.mark.parametrize(
    "command", [["status"], ["report", KEY], ["retro", KEY, "--from", "2023-01", "--to", "2023-02"], ["submit"]]
)
def test_no_command_speaks_to_another_deployments_platform(homes, monkeypatch, capsys, command):
    ours, theirs = homes
    if command == ["submit"]:
        (ours / "q1.csv").write_text("client_id,as_of,target\n")
        command = ["submit", str(ours / "q1.csv"), "--task", "churn"]
    with serving(Stub(Identity=identified(theirs))) as stub:
        (ours / "anna.yaml").write_text(f"webserver_port: {stub.url.rsplit(':', 1)[1]}\n")
        with pytest.raises(SystemExit) as left:
            main(["--home", str(ours), *command])
    assert left.value.code == 1
    assert f"another deployment, {theirs}" in capsys.readouterr().err
    assert [name for name, _ in stub.calls] == ["Identity"]


DAMAGES = [b"\xff\xfe", b"", b"\n", b"\0" * 37, b"7a3c"]


@pytest.mark.parametrize("content", DAMAGES)
def test_a_damaged_id_is_told_with_its_file_and_the_cure(homes, capsys, content):
    ours, _ = homes
    answer = identified(ours)
    (ours / ID_FILE).write_bytes(content)
    with serving(Stub(Identity=answer)) as stub:
        (ours / "anna.yaml").write_text(f"webserver_port: {stub.url.rsplit(':', 1)[1]}\n")
        with pytest.raises(SystemExit) as left:
            main(["--home", str(ours), "status"])
    assert left.value.code == 1
    told = capsys.readouterr().err
    assert told.startswith(f"{ours / ID_FILE}: this is not the id of a deployment; the file is damaged.")
    assert "remove the file, and start `anna up`" in told


@pytest.mark.parametrize("content", DAMAGES)
def test_no_platform_starts_on_a_damaged_id_until_it_is_removed(homes, content):
    ours, _ = homes
    (ours / ID_FILE).write_bytes(content)
    with pytest.raises(IdentityError, match="not the id of a deployment"):
        write_workspace(load_settings(), 4000)
    (ours / ID_FILE).unlink()
    write_workspace(load_settings(), 4000)
