"""A champion's image, built for real and run as nobody, on a root that nothing can be written to."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import requests
from polars.testing import assert_frame_equal

from anna_cli.supervisor.ports import free_port
from anna_tests.graph.conftest import TRAINED, Deployment
from anna_tests.graph.test_champion import press
from anna_tests.graph.test_production import follow
from anna_tests.graph.test_raw_events import records

BASE = os.environ.get("ANNA_TEST_BASE_IMAGE", "")
pytestmark = [
    pytest.mark.xdist_group("image"),
    pytest.mark.skipif(
        not BASE or shutil.which("buildah") is None or os.geteuid() != 0,
        reason="builds an image: be root, have buildah, and set ANNA_TEST_BASE_IMAGE to an image with this Python, "
        "such as python:3.11-slim-bookworm (.ci/base-image makes one from Debian's packages)",
    ),
]

# What a container's runtime does: a root that is read-only, /tmp, /proc, /sys and /dev, and nobody's rights.
_RUN = """
root=$1; mounted=$2; shift 2
mount --make-rprivate /
mount --bind "$root" "$root"
mount -o remount,ro,bind "$root"
mount -t tmpfs tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mkdir "$root/tmp/mounted"
mount --bind "$mounted" "$root/tmp/mounted"
exec chroot --userspec=10001:10001 "$root" env -i PATH=/usr/local/bin:/usr/bin:/bin "$@"
"""
ENVIRONMENT = ["PYTHONPATH=/opt/anna:/opt/packages", "PYTHONDONTWRITEBYTECODE=1", "HOME=/tmp", "ANNA_MODEL=/model"]


def told(*command: str, check: bool = True) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=check).stdout.strip()


@pytest.fixture
def root(trained: Deployment) -> Iterator[Path]:
    """The files of the image of a champion that has scored March."""
    (trained.home / "anna.yaml").open("a").write(
        f"image: {{builder: buildah, base: '{BASE}', options: [--isolation=chroot]}}\n"
    )
    trained.reload()
    press(trained, tag=TRAINED[0])
    done = follow(trained)
    assert f"image of {TRAINED[0]}" in done
    built = trained.warehouse.image("churn").facts()
    assert built is not None
    assert built.digest.startswith("sha256:")
    assert built.size
    container = told("buildah", "from", built.name)
    yield Path(told("buildah", "mount", container))
    told("buildah", "rm", container)
    told("buildah", "rmi", "--force", built.name)


def test_the_image_scores_as_production_does_and_serves(trained: Deployment, root: Path, tmp_path: Path) -> None:
    mounted = tmp_path / "mounted"
    shutil.copytree(trained.settings.storage / "history", mounted / "history", symlinks=True)
    (mounted / "out").mkdir()
    (mounted / "out").chmod(0o777)
    base = ["unshare", "--mount", "sh", "-euc", _RUN, "sh", str(root), str(mounted), *ENVIRONMENT]
    score = [
        "python3",
        "-m",
        "anna_core.serving",
        "score",
        "--histories",
        "/tmp/mounted/history",
        "--period",
        "2024-03",
    ]
    done = subprocess.run(
        [*base, *score, "--out", "/tmp/mounted/out/scores.parquet"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = pl.read_parquet(mounted / "out/scores.parquet")
    assert (mounted / "out/scores.parquet").stat().st_uid == 10001
    assert_frame_equal(found, pl.read_parquet(trained.warehouse.production("churn").latest / "scores.parquet"))
    port, asked = free_port(), records(trained, range(60))
    serve = subprocess.Popen([*base, "python3", "-m", "anna_core.serving", "serve", "--port", str(port)])
    try:
        answer = _answer(serve, f"http://127.0.0.1:{port}", asked)
    finally:
        serve.terminate()
        assert serve.wait(60) == -signal.SIGTERM  # uvicorn ends its work, and then as it was told to
    assert [row["client_id"] for row in answer] == [str(one["client_id"]) for one in asked]
    served = {row["client_id"]: row["score"] for row in answer}
    assert [served[client] for client in found["client_id"]] == found["score"].to_list()

    refused = subprocess.run([*base, "sh", "-c", "echo x > /model/x"], capture_output=True, text=True, check=False)
    assert "Read-only file system" in refused.stderr


def _answer(serve: subprocess.Popen[bytes], url: str, asked: list[dict]) -> list[dict]:
    """What a server says, once it is ready."""
    while serve.poll() is None:
        try:
            assert requests.get(f"{url}/ready", timeout=60).json()["model"] == TRAINED[0]
            break
        except requests.ConnectionError:
            time.sleep(0.2)
    answer = requests.post(f"{url}/invocations", json={"dataframe_records": asked}, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()["predictions"]
