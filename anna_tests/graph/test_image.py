"""The image of a champion: what it holds, and that a new champion gets one where images are built."""

from pathlib import Path

import pytest

from anna_resources.images import context
from anna_resources.ledger.ledger import Ledger
from anna_resources.ledger.repository import LedgerError
from anna_tests.graph.conftest import TRAINED, Deployment
from anna_tests.graph.results import problem
from anna_tests.graph.test_champion import press
from anna_tests.graph.test_production import asked, follow
from anna_tests.unit.test_images import BUILDS, PACKAGES, program

pytestmark = pytest.mark.xdist_group("trained")


@pytest.fixture(autouse=True)
def no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "fetch", lambda folder: PACKAGES)


def test_without_a_builder_there_is_a_context_and_no_client_in_it(trained: Deployment) -> None:
    assert "churn has no champion" in problem(trained.materialize("image", partition="churn", check=False))
    press(trained, tag=TRAINED[0])
    assert not any("image" in name for name in asked(trained))  # nobody builds here
    assert trained.materialize("image", partition="churn").success
    built = trained.warehouse.image("churn").facts()
    assert built is not None
    assert (built.tag, built.builder, built.digest, built.size) == (TRAINED[0], "none", "", "")
    folder = trained.warehouse.image("churn").context
    names = {str(file.relative_to(folder / "model")) for file in (folder / "model").rglob("*") if file.is_file()}
    assert {"launch.json", "nets/cards/weights.safetensors", "metamodel/bundle.json"} <= names
    assert not [name for name in names if name.endswith("scores.parquet")]
    assert not list(folder.rglob("rows.parquet"))


def test_a_new_champion_gets_an_image_by_itself_where_there_is_a_builder(
    trained: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = TRAINED
    (tmp_path / "bin").mkdir()
    program(tmp_path / "bin", "buildah", BUILDS)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    (trained.home / "anna.yaml").open("a").write("image: {builder: buildah, repository: bank.example/anna}\n")
    trained.reload()
    press(trained, tag=first)
    assert follow(trained)[0] == f"image of {first}"
    built = trained.warehouse.image("churn").facts()
    assert built is not None
    assert (built.tag, built.name, built.digest) == (first, "bank.example/anna/churn:q1", "sha256:1111")
    press(trained, tag=second)
    assert f"image of {second}" in follow(trained)
    assert follow(trained) == []
    repository = Ledger.of(trained.settings).repository
    head = repository.head("task/churn")
    assert head is not None
    assert "sha256:1111" in (repository.read(head, f"launches/{second}/image.yaml") or "")
    program(tmp_path / "bin", "buildah", "echo no room; exit 1")
    assert "failed (1): no room" in problem(trained.materialize("image", partition="churn", check=False))
    assert trained.warehouse.image("churn").facts().tag == second  # type: ignore[union-attr]  # as it was


def test_an_image_that_the_ledger_could_not_record_is_made_again(
    trained: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = TRAINED[0]
    (tmp_path / "bin").mkdir()
    program(tmp_path / "bin", "buildah", BUILDS)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    (trained.home / "anna.yaml").open("a").write("image: {builder: buildah}\n")
    trained.reload()
    press(trained, tag=first)

    def full(*said: object) -> None:
        raise LedgerError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "record_image", full)
        assert "No space left" in problem(trained.materialize("image", partition="churn", check=False))
    assert f"image of {first}" in asked(trained)
