"""What an image answers: scores of raw events over HTTP, and scores of histories to a file."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest
import requests
import uvicorn
from click.testing import CliRunner
from polars.testing import assert_frame_equal

from anna_core import storage
from anna_core.errors import ArtifactError
from anna_core.periods import Period
from anna_core.scoring.event_scorer import EventScorer
from anna_core.serving.__main__ import serving
from anna_core.serving.http import MOST_BYTES, app
from anna_tests.graph.conftest import TRAINED, Deployment
from anna_tests.graph.test_champion import press
from anna_tests.graph.test_production import MARCH, follow, scores
from anna_tests.graph.test_raw_events import records, scorer

pytestmark = pytest.mark.xdist_group("trained")


@contextmanager
def answering(scorer: EventScorer) -> Iterator[str]:
    """A server of a launch, on a port of its own; its address."""
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app(scorer), log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [own]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{own.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def test_raw_events_are_scored_over_http_and_what_is_no_request_is_told(trained: Deployment) -> None:
    asked, ours = {"dataframe_records": records(trained, range(5))}, scorer(trained)
    with answering(ours) as url:
        assert requests.get(f"{url}/health", timeout=60).json() == {"status": "alive"}
        assert requests.get(f"{url}/ready", timeout=60).json() == {"status": "ready", "model": TRAINED[0]}
        answer = requests.post(f"{url}/invocations", json=asked, timeout=60).json()["predictions"]
        expected = ours.answer(asked["dataframe_records"]).scores
        assert [row["score"] for row in answer] == expected["score"].to_list()
        assert answer[0].keys() == {*expected.columns}
        assert answer[0]["as_of"] == "2024-04-01"
        later = {"params": {"as_of": "2024-03-01"}, "dataframe_records": [{"client_id": "x", "events": {}}]}
        (nobody,) = requests.post(f"{url}/invocations", json=later, timeout=60).json()["predictions"]
        assert (nobody["client_id"], nobody["as_of"], nobody["events_cards"]) == ("x", "2024-03-01", 0)

        for body, told in (
            ("{", "The request is no JSON"),
            ('{"inputs": []}', "`dataframe_records` should be a list of clients"),
            ("[1]", "`dataframe_records` should be a list of clients"),
            ('{"dataframe_records": [], "asof": 1}', "Not known: asof"),
            ('{"dataframe_records": [], "params": {"day": 1}}', "Not known: day"),
            ('{"dataframe_records": [7]}', "record 1: is 7, but should be an object"),
            ("[" * 100_000, "The request is no JSON"),
            (r'{"\ud800": 1, "dataframe_records": []}', r"Not known: \ud800"),
            (
                r'{"dataframe_records": [{"client_id": "\ud800", "events": {}}], "params": {"as_of": "2024-03-01"}}',
                "record 1: client_id is text with half a sign of Unicode",
            ),
            ('{"dataframe_records": [{"client_id": 1, "events": {"card": []}}]}', "the model reads no domain 'card'"),
        ):
            refused = requests.post(f"{url}/invocations", data=body, timeout=60)
            assert refused.status_code == 400
            assert told in refused.json()["message"]
        large = requests.post(f"{url}/invocations", data=b" " * (MOST_BYTES + 1), timeout=60)
        assert large.status_code == 413
        assert requests.get(f"{url}/invocations", timeout=60).status_code == 405


def test_a_model_that_is_damaged_is_told_before_anything_listens(trained: Deployment, tmp_path) -> None:
    done = CliRunner().invoke(serving, ["--model", str(tmp_path), "serve", "--port", "1"])
    assert isinstance(done.exception, ArtifactError)
    assert str(tmp_path) in str(done.exception)


def test_histories_are_scored_to_a_file_as_production_does(trained: Deployment, tmp_path) -> None:
    press(trained, tag=TRAINED[0])
    follow(trained)
    model, histories = trained.warehouse.candidate(TRAINED[0]).model_folder(), trained.settings.storage / "history"
    out = tmp_path / "scores.parquet"
    said = ["--model", str(model), "score", "--histories", str(histories), "--out", str(out)]
    done = CliRunner().invoke(serving, [*said, "--period", "2024-03"], catch_exceptions=False)
    assert done.exit_code == 0
    assert "60 clients as of 2024-04-01" in done.output
    assert_frame_equal(pl.read_parquet(out), scores(trained).of(Period(MARCH)).read())
    missing = CliRunner().invoke(serving, [*said, "--period", "2024-01"])
    assert isinstance(missing.exception, ArtifactError)
    assert "no such folder; churn.q1 reads a history there" in str(missing.exception)


def test_where_a_week_and_a_day_begin_then_it_is_to_be_said_which(trained: Deployment, tmp_path: Path) -> None:
    press(trained, tag=TRAINED[0])
    key = "2024-03-18"
    for cadence, before in (("week", ""), ("day", "production: {cadence: week}")):
        trained.set(f"production: {{cadence: {cadence}}}", instead_of=before)
        for domain in trained.domains:
            trained.materialize(f"production/history/{domain}", partition=key)
    model, histories = trained.warehouse.candidate(TRAINED[0]).model_folder(), trained.settings.storage / "production"
    out = tmp_path / "scores.parquet"
    said = ["--model", str(model), "score", "--histories", str(histories / "history"), "--out", str(out), "--period"]
    unclear = CliRunner().invoke(serving, [*said, key])
    assert f"accounts has week={key} and day={key}: say which, such as --period week={key}" in str(unclear.exception)
    done = CliRunner().invoke(serving, [*said, f"day={key}"], catch_exceptions=False)
    assert "as of 2024-03-19" in done.output
    for domain in trained.domains:
        storage.remove_directory(histories / "history" / domain / f"week={key}", "it was too old")
    assert "as of 2024-03-19" in CliRunner().invoke(serving, [*said, key], catch_exceptions=False).output
