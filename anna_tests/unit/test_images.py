"""Images: what goes into one, and how its builders are spoken to."""

import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import anna_core
from anna_assets.production.image_asset import image_name
from anna_resources.images import context, requirements
from anna_resources.images.builders import BuildError, build, size_of
from anna_resources.images.requirements import SERVING, Pinned, RequirementsError, fetch
from anna_resources.settings import Builder, Image

PACKAGES = [Pinned("numpy", "2.0.0", "ab" * 32, "BSD-3-Clause"), Pinned("torch", "2.13.0+cpu", "cd" * 32, "")]


def program(folder: Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}")
    file.chmod(file.stat().st_mode | stat.S_IEXEC)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


# Writes the image's id, as all three builders do, and says how it was called.
BUILDS = """
echo "$@" >> "$(dirname "$0")/calls"
while [ $# -gt 0 ]; do case "$1" in
  --iidfile) printf 'sha256:%s' 1111 > "$2"; shift;;
  --digestfile) printf 'sha256:%s' 2222 > "$2"; shift;;
  --format) case "$2" in *RepoDigests*) echo "bank.example/anna/churn@sha256:3333";; *) echo "1.6 GB";; esac; shift;;
esac; shift; done
"""


@pytest.mark.parametrize(
    ("builder", "push", "digest", "calls"),
    [
        (Builder.BUILDAH, False, "sha256:1111", ["build"]),
        (Builder.BUILDAH, True, "sha256:2222", ["build", "push"]),
        (Builder.PODMAN, True, "sha256:2222", ["build", "push"]),
        (Builder.DOCKER, True, "sha256:3333", ["build", "push", "image"]),
    ],
)
def test_each_builder_builds_pushes_and_tells_the_digest(
    path: Path, tmp_path: Path, builder: Builder, push: bool, digest: str, calls: list[str]
) -> None:
    program(path, builder.value, BUILDS)
    settings = Image(builder=builder, push=push, options=("--isolation=chroot",))
    told: list[str] = []
    assert build(tmp_path, "bank.example/anna/churn:q1", settings, {"BASE_IMAGE": "base"}, told.append) == digest
    lines = (path / "calls").read_text().splitlines()
    assert [line.split()[0] for line in lines] == calls
    assert "--build-arg BASE_IMAGE=base" in lines[0]
    assert "--isolation=chroot" in lines[0]
    assert lines[0].endswith(str(tmp_path))
    assert ("--layers" in lines[0]) is (builder is Builder.BUILDAH)
    assert size_of("bank.example/anna/churn:q1", settings) == "1.6 GB"


def test_a_build_that_fails_is_told_with_its_last_words(path: Path, tmp_path: Path) -> None:
    program(path, "buildah", "echo before; echo 'no space left' >&2; exit 3")
    told: list[str] = []
    with pytest.raises(BuildError, match=r"buildah build failed \(3\): before \| no space left"):
        build(tmp_path, "x", Image(builder=Builder.BUILDAH), {}, told.append)
    assert told == ["before", "no space left"]


def test_a_build_that_hangs_is_ended(path: Path, tmp_path: Path) -> None:
    program(path, "podman", "echo begun; sleep 3600")  # as a process of its own, which holds the pipe of what is said
    with pytest.raises(BuildError, match=r"took longer than image.seconds \(1\)"):
        build(tmp_path, "x", Image(builder=Builder.PODMAN, seconds=1), {}, lambda line: None)


def test_a_builder_that_is_not_there_is_told_with_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match=r"image.builder is docker, which is not on the PATH"):
        build(tmp_path, "x", Image(builder=Builder.DOCKER), {}, lambda line: None)


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("churn.2024q1", "bank/anna/churn:2024q1"),
        ("Churn.a.B@2", "bank/anna/churn:a.B..2"),
        ("churn.a-2", "bank/anna/churn:a-2"),
    ],
)
def test_an_image_is_called_as_registries_take_it(tag: str, name: str) -> None:
    assert image_name("bank/anna", tag) == name


def test_a_context_has_code_model_digests_and_a_bill_that_anybody_may_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "fetch", lambda folder: PACKAGES)
    model, folder = tmp_path / "model", tmp_path / "context"
    (model / "nets").mkdir(parents=True)
    (model / "nets" / "weights.safetensors").write_bytes(b"w")
    (model / "nets" / "weights.safetensors").chmod(0o600)
    folder.mkdir()
    assert context.write_context(folder, model, "0.1.0", "churn.q1", "abc") == PACKAGES
    assert (folder / "requirements.txt").read_text() == (
        f"numpy==2.0.0 --hash=sha256:{'ab' * 32}\ntorch==2.13.0+cpu --hash=sha256:{'cd' * 32}\n"
    )
    assert {place.name for place in folder.iterdir()} == {
        "Containerfile", "requirements.txt", "bill-of-materials.json", "wheels", "app", "model",
    }  # fmt: skip
    assert all(place.stat().st_mode & 0o004 for place in folder.rglob("*"))
    assert (folder / "app/anna_core/storage.py").read_bytes() == Path(anna_core.__file__).with_name(
        "storage.py"
    ).read_bytes()
    bill = json.loads((folder / "bill-of-materials.json").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    parts = {part["name"]: part for part in bill["components"]}
    assert parts["numpy"]["purl"] == "pkg:pypi/numpy@2.0.0"
    assert parts["numpy"]["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    assert parts["numpy"]["licenses"] == [{"license": {"id": "BSD-3-Clause"}}]
    assert parts["anna-platform"]["version"] == "0.1.0"
    assert parts["churn.q1 model"]["version"] == "abc"


def test_the_packages_are_those_that_run_here_with_what_they_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def pip(command: list[str], **kept: object) -> subprocess.CompletedProcess[str]:
        asked.append(Path(command[command.index("--constraint") + 1]).read_text().splitlines())
        (tmp_path / "torch-2.13.0+cpu-cp311-cp311-linux_x86_64.whl").write_bytes(b"wheel")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(requirements.subprocess, "run", pip)
    [torch] = fetch(tmp_path)
    assert (torch.name, torch.version, torch.sha256) == ("torch", "2.13.0+cpu", hashlib.sha256(b"wheel").hexdigest())
    names = {line.partition("==")[0] for line in asked[0]}
    assert set(SERVING) <= names
    assert "typing-extensions" in names  # that torch needs
    assert "dagster" not in names
    assert "mlflow" not in names


def test_an_index_that_has_not_what_runs_here_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = subprocess.CompletedProcess([], 1, "", "a\nb\nERROR: No matching distribution found for torch\n")
    monkeypatch.setattr(requirements.subprocess, "run", lambda *given, **kept: failed)
    with pytest.raises(RequirementsError, match=r"No matching distribution found for torch.*pip.conf"):
        fetch(tmp_path)


def test_what_an_image_runs_does_without_all_that_it_does_not_have() -> None:
    """In a fresh process in which nothing else can be imported."""
    script = """
import importlib, importlib.metadata, json, pkgutil, sys
there, owners = set(json.loads(sys.argv[1])), importlib.metadata.packages_distributions()

class OnlyThese:
    def find_spec(self, name, path=None, target=None):
        whose = owners.get(name.partition(".")[0], ())
        if whose and not any(one.lower().replace("_", "-") in there for one in whose):
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, OnlyThese())
import anna_core.serving
for module in pkgutil.iter_modules(anna_core.serving.__path__, "anna_core.serving."):
    importlib.import_module(module.name)
import lightgbm
print("torch" in sys.modules, "sklearn" in sys.modules)
"""
    there = json.dumps([*requirements._installed(), "anna-platform"])
    done = subprocess.run([sys.executable, "-c", script, there], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True", "False"]
