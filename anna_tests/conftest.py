"""What all tests share: where real data lies, and that CI skips nothing."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("anna_core", "anna_simbank", "anna_resources", "anna_assets", "anna_cli")  # that users install
# Side by side, workers whose threads are more than the cores wait for each other: nets trained ten times as long.
if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // int(workers))))

NOTHING_SKIPPED = "ANNA_TEST_NOTHING_SKIPPED"


def real_data() -> Path:
    """Folder of the real data: ANNA_REAL_DATA, or `../shared/data`."""
    return Path(os.environ.get("ANNA_REAL_DATA") or ROOT.parent / "shared" / "data").resolve()


@pytest.fixture(scope="session")
def real_bank(request: pytest.FixtureRequest) -> Path:
    folder = real_data()
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set ANNA_REAL_DATA to the folder that holds it")
    return folder


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail where CI asked that nothing be skipped and something was."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get(NOTHING_SKIPPED) and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line(f"{NOTHING_SKIPPED} is set, but tests were skipped", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
