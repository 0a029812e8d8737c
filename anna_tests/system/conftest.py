"""A deployment as users run it: code server, webserver, daemon and MLflow, on a small simulated bank."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import pytest
import yaml

from anna_cli.graphql import GraphQLClient
from anna_cli.supervisor.ports import free_port
from anna_simbank.bank import SimulatedBank
from anna_tests.conftest import ROOT
from anna_tests.receivers import Mailbox, Webhook, mailbox, webhook

FAST_TASK = "training: {preset: fast, epochs: 1}\nnet: {hidden: 8, embedding: 4}\n"
SLOW_TASK = "training: {preset: fast, epochs: 30, patience: 30}\nnet: {hidden: 8, embedding: 4}\n"
PATIENCE_SECONDS = 600.0
POLL_SECONDS = 2.0  # each poll takes the webserver some of the processor that what is waited for needs
SOON = 0.3  # for what is over soon after it began
# Each of these has a platform of its own; the modules are divided so that all three take about as long.
PLATFORMS = (
    ("test_browser", "test_kill", "test_launch_traces", "test_production"),
    ("test_command_line", "test_graphql_docs", "test_reload"),
    ("test_mlflow", "test_operations", "test_whole_life"),
)

RUNS = """
query Runs($filter: RunsFilter!) {
  runsOrError(filter: $filter, limit: 1000) {
    ... on Runs { results { runId jobName status startTime endTime tags { key value } } }
  }
}
"""


@pytest.hookimpl(tryfirst=True)  # pytest-xdist's own hook reads the marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Divide the system tests among as many workers, each with a platform of its own; first, as these mostly wait."""
    ours = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in ours:
        [number] = [number for number, modules in enumerate(PLATFORMS) if item.path.stem in modules]
        item.add_marker(pytest.mark.xdist_group(f"platform {number}"))
    if hasattr(config, "workerinput"):
        items[:] = ours + [item for item in items if item not in ours]


@dataclass
class Running:
    """A running deployment; `anna` calls its command line, `ask` its GraphQL API."""

    home: Path
    port: int
    process: subprocess.Popen[str]

    def __post_init__(self) -> None:
        self.client = GraphQLClient(f"http://127.0.0.1:{self.port}")

    def anna(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "anna_cli.main", *arguments]
        return subprocess.run(
            command, env=environment(self.home), capture_output=True, text=True, timeout=900, check=False
        )

    def runs(self, **filter_: Any) -> list[dict[str, Any]]:
        return self.client.execute(RUNS, filter=filter_)["runsOrError"]["results"]

    def launches(self, key: str) -> list[dict[str, Any]]:
        return self.runs(pipelineName="train", tags=[{"key": "dagster/partition", "value": key}])

    def drop(self, task: str, sample: str, options: str = FAST_TASK, rows: int | None = None) -> str:
        """Copy a sample of the simulated bank into the inbox under another name."""
        folder = self.home / "inbox" / task
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "task.yaml").write_text(options)
        frame = pl.read_csv(self.home / "samples" / "churn.csv")
        hidden = folder / f".{sample}"
        (frame.head(rows) if rows else frame).write_csv(hidden)
        hidden.rename(folder / f"{sample}.csv")
        return f"{task}.{sample}"

    def until(self, what: str, condition: Callable[[], Any], every: float = POLL_SECONDS) -> Any:
        """Poll until the condition holds; its value."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            if value := condition():
                return value
            assert self.process.poll() is None, f"`anna up` ended while waiting for {what}; see {self.home / 'logs'}"
            time.sleep(every)
        pytest.fail(f"{what} did not come within {PATIENCE_SECONDS:.0f} s; see {self.home / 'logs'}")

    def until_trained(self, key: str) -> None:
        def ended() -> bool:
            runs = self.launches(key)
            return any(run["status"] == "SUCCESS" for run in runs)

        self.until(f"the launch of {key}", ended)

    def processes(self, *words: str) -> list[psutil.Process]:
        """Processes below `anna up` whose command line holds all the words."""
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                line = " ".join(child.cmdline())
            except psutil.NoSuchProcess:
                continue
            if all(word in line for word in words):
                found.append(child)
        return found


def own_port(place: int) -> int:
    """A free port that no other worker draws, nor this one for another place: servers listen only a while after."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    while True:
        port = free_port()
        if port // 2 % 8 == (2 * worker + place) % 8:  # Linux gives ports of one parity alone
            return port


def environment(home: Path) -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "ANNA_HOME": str(home), "PYTHONPATH": path}


def start(home: Path, port: int) -> Running:
    """Start `anna up` and wait until it says that it is up."""
    log = (home / "up.log").open("a")
    command = [sys.executable, "-m", "anna_cli.main", "up"]
    process = subprocess.Popen(
        command, env=environment(home), cwd=home, stdout=log, stderr=log, text=True, start_new_session=True
    )
    running = Running(home, port, process)

    def is_up() -> bool:
        return "ANNA is up" in (home / "up.log").read_text().rsplit("--- start ---", 1)[-1]

    running.until("`anna up`", is_up)
    return running


def stop(running: Running) -> None:
    running.process.send_signal(signal.SIGTERM)
    running.process.wait(timeout=90)


@pytest.fixture(scope="session")
def hook() -> Iterator[Webhook]:
    """The web server that is told what happens."""
    with webhook() as found:
        yield found


@pytest.fixture(scope="session")
def mails() -> Iterator[Mailbox]:
    """The mail server that is told what happens."""
    with mailbox() as found:
        yield found


@pytest.fixture(scope="session")
def bank_home(tmp_path_factory: pytest.TempPathFactory, hook: Webhook, mails: Mailbox) -> Path:
    """A deployment's folder with a bank of 1,000 clients and 24 months."""
    home = tmp_path_factory.mktemp("anna")
    SimulatedBank(clients=1_000, months=24, seed=1).write(home)
    shutil.copytree(ROOT / "domains", home / "domains")
    (home / "domains" / "account_transactions.yaml").unlink()  # two are enough, and each launch is a quarter shorter
    (home / "anna.yaml").write_text(
        f"start_month: 2023-01\nend_month: 2024-12\nwebserver_port: {own_port(0)}\nmlflow_port: {own_port(1)}\n"
        f"inbox_settle_seconds: 1\nsource_settle_seconds: 1\nledger: {{remote: {home / 'copy.git'}}}\n"
        "production: {grace: 9000d}\n"  # a month is complete once there are events of a later one
        f"notify: {{to: {{all: ['json://127.0.0.1:{hook.port}', 'mailto://127.0.0.1:{mails.port}?from=a@bank.ru&to=b@bank.ru']}}}}\n"
    )
    subprocess.run(["git", "init", "--quiet", "--bare", str(home / "copy.git")], check=True)
    command = [sys.executable, "-m", "anna_cli.main", "init", str(home)]
    subprocess.run(command, env=environment(home), check=True, capture_output=True)
    return home


@pytest.fixture(scope="session")
def trained(running: "Running") -> str:
    """The key of a launch that has ended, for tests that only look at one."""
    key = running.drop("looked_at", "s1", rows=400)
    running.until_trained(key)
    return key


@pytest.fixture(scope="session")
def running(bank_home: Path) -> Iterator[Running]:
    port = yaml.safe_load((bank_home / "anna.yaml").read_text())["webserver_port"]
    (bank_home / "up.log").write_text("--- start ---\n")
    platform = start(bank_home, port)
    try:
        yield platform
    finally:
        stop(platform)
