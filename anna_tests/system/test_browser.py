"""What a person sees in the Dagster UI, in a real browser."""

import os
import shutil

import pytest

from anna_tests.system.conftest import Running

pytestmark = pytest.mark.system

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def chromium() -> str:
    path = os.environ.get("ANNA_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no Chromium: install it (Debian: apt-get install chromium) or set ANNA_CHROMIUM to its path")
    return path


def test_a_person_can_follow_a_launch_to_its_report(running: Running, trained: str, chromium: str) -> None:
    from playwright.sync_api import sync_playwright

    key = trained
    base = f"http://127.0.0.1:{running.port}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1500, "height": 1000})
        page.goto(f"{base}/assets/report?view=partitions&partition={key}")
        page.get_by_text("leaderboard", exact=True).first.wait_for(timeout=60_000)
        page.goto(f"{base}/runs")
        page.get_by_text(f"partition: {key}").first.wait_for(timeout=60_000)
        page.goto(f"{base}/locations/anna/jobs/register_sample/playground")
        page.get_by_text("Launch run").first.wait_for(timeout=60_000)
        page.goto(f"{base}/locations/anna/jobs/promote/playground")
        page.get_by_text("PROMOTE").first.wait_for(timeout=60_000)
        page.goto(f"{base}/assets/champion?view=checks")
        page.get_by_text("not_worse").first.wait_for(timeout=60_000)
        browser.close()
