"""Raw events in memory get the scores that production gives the same clients from marts and histories."""

import datetime as dt
import json
from collections.abc import Iterable

import numpy as np
import polars as pl
import pytest

from anna_assets.compute import scoring_threads
from anna_core.periods import Period
from anna_core.scoring.event_scorer import EventScorer
from anna_tests.graph.conftest import TRAINED, Deployment, events
from anna_tests.graph.test_champion import press
from anna_tests.graph.test_production import MARCH, follow, scores

pytestmark = pytest.mark.xdist_group("trained")
AS_OF = "2024-04-01"


def records(deployment: Deployment, clients: Iterable[int]) -> list[dict]:
    """The clients' events as the source's files have them, in JSON: columns in one domain, records in the other."""
    asked = [{"client_id": client, "as_of": AS_OF, "events": {}} for client in clients]
    for domain in deployment.domains:
        frame = pl.read_parquet(deployment.home / "warehouse" / domain / "*.parquet")
        for one in asked:
            own = frame.filter(pl.col("client_id") == one["client_id"]).sample(fraction=1, shuffle=True, seed=1)
            if len(own):
                one["events"][domain] = own.to_dict(as_series=False) if domain == "cards" else own.to_dicts()
    return json.loads(json.dumps(asked, default=str))


def scorer(deployment: Deployment) -> EventScorer:
    return EventScorer.load(deployment.warehouse.candidate(TRAINED[0]).model_folder(), scoring_threads())


def test_raw_events_get_productions_scores(trained: Deployment) -> None:
    march = events(1, "2024-03-01")
    strange = march.with_columns(kind=pl.when(pl.col("event_id") % 5 == 0).then(pl.lit("k9")).otherwise("kind"))
    trained.rewrite_month("cards", "2024-03-01", strange)  # a category that the launch does not know
    trained.refresh()
    press(trained, tag=TRAINED[0])
    follow(trained)
    batch = scores(trained).of(Period(MARCH)).read()
    assert batch["events_accounts"].eq(0).sum() == 20
    ours = scorer(trained)

    order = batch["client_id"].cast(pl.Int64).to_list()
    together = ours.answer(records(trained, order)).scores
    assert together["client_id"].to_list() == batch["client_id"].to_list()
    for name in ("events_accounts", "events_cards"):
        assert together[name].to_list() == batch[name].to_list()
    assert together["score"].to_list() == batch["score"].to_list()  # bit for bit
    assert set(together["model"]) == {TRAINED[0]}
    assert together["left_aside"].sum() == 0

    alone = [ours.answer(records(trained, [client])).scores["score"].item() for client in order[::9]]
    np.testing.assert_allclose(alone, batch["score"].to_list()[::9], rtol=0, atol=1e-6)


def test_a_client_without_events_and_one_as_of_several_days(trained: Deployment) -> None:
    ours = scorer(trained)
    (known,) = records(trained, range(1))
    answer = ours.answer(
        [{**known, "as_of": "2024-02-10"}, {"client_id": "nobody", "events": {}}, known], as_of="2024-03-01"
    ).scores
    assert answer["client_id"].to_list() == ["0", "nobody", "0"]
    assert answer["as_of"].to_list() == [dt.date(2024, 2, 10), dt.date(2024, 3, 1), dt.date(2024, 4, 1)]
    assert answer["events_cards"].to_list()[1] == 0
    assert answer["events_cards"][0] < answer["events_cards"][2]
    absent = ours.model.nets["cards"].absent_scores
    assert 0 < answer["score"][1] < 1
    assert np.isfinite(absent).all()
    assert ours.answer([]).scores.columns == answer.columns
