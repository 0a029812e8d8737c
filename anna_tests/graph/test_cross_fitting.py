"""Five folds from end to end: what the members say of rows that they did not see, and of a client a month later."""

import dagster as dg
import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from anna_core.models.nets.domain_model import DomainModel
from anna_core.models.trees.model import BoostingModel
from anna_core.models.unseen import unseen_rows
from anna_core.models.vectors import DomainVectors
from anna_core.months import parse_month
from anna_core.periods import Period
from anna_core.sequences.ragged import Sequences
from anna_tests.graph.conftest import Deployment, sample_rows, write_domain

CLIENTS = 160
FOLDS = 5
TASK = "training: {folds: 5, epochs: 1}\nnet: {hidden: 8, embedding: 4}\n"
MONTH = "2024-03-01"
WITHOUT_ACCOUNT = 7  # of every eight clients
TREES = {"boosting/accounts": ("accounts",), "boosting/cards": ("cards",), "boosting": ("accounts", "cards")}


def train(deployment: Deployment) -> str:
    """A launch of five folds on two domains; every eighth client has no account."""
    for seed, name in enumerate(("cards", "accounts")):
        write_domain(deployment.home, name, seed, CLIENTS)
    for path in (deployment.home / "warehouse" / "accounts").glob("*.parquet"):
        pl.read_parquet(path).filter(pl.col("client_id") % 8 != WITHOUT_ACCOUNT).write_parquet(path)
    deployment.refresh()
    odd = np.arange(CLIENTS) % 2
    noisy = np.where(np.random.default_rng(0).random(CLIENTS) < 0.2, 1 - odd, odd)  # certainty would be a leak
    key = deployment.drop("churn", "q1", sample_rows(CLIENTS).with_columns(target=pl.Series(noisy)), TASK)
    deployment.train(key)
    return key


def test_five_folds_from_the_sample_to_the_scores_of_a_month(deployment: Deployment) -> None:
    key, warehouse = train(deployment), deployment.warehouse
    domains = [deployment.domain(name) for name in ("accounts", "cards")]
    sample = warehouse.sample(key).read()
    seen = {one.name: warehouse.sequences(one, key).read(sample) for one in domains}
    said = {one.name: warehouse.embedding(one, key).read(sample, seen[one.name]).vectors for one in domains}
    stored = [warehouse.boosting(one, key) for one in (*domains, None)]
    assert [one.member for one in stored] == list(TREES)
    said |= {one.member: one.read_for(sample, seen)[1] for one in stored}
    nets = {one.name: warehouse.model(one, key).read_for(sample) for one in domains}
    trees = {one.member: one.read() for one in stored}
    metamodel = warehouse.metamodel(key).read()
    assert {model.spec.folds for model in (*nets.values(), *trees.values())} == {FOLDS}
    assert metamodel.members == (*nets, *trees)
    assert metamodel.spec.plain_reason is None

    assert set(sample.fold[sample.split != "test"].tolist()) == set(range(FOLDS))
    for k in range(-1, FOLDS):  # -1: the test rows, which all nets and trees score
        mine, part = sample.fold == k, np.full(CLIENTS, k)
        for name, model in nets.items():
            found = said[name]
            expected = model.predict(seen[name], fold=part)
            assert found.scores[mine] == pytest.approx(expected.scores[mine], abs=1e-6)
            assert found.embedding[mine] == pytest.approx(expected.embedding[mine], abs=1e-5)
        for name, booster in trees.items():
            expected = booster.predict([seen[domain] for domain in TREES[name]], 1, part)
            assert said[name].scores[mine] == pytest.approx(expected[mine], abs=1e-6)

    unseen = unseen_rows(sample.split, sample.task.seed)
    assert unseen.tolist() == np.flatnonzero(sample.split == "test").tolist()
    # What each fold says of the test rows, which the metamodel is told apart, too.
    of_nets = {one.name: warehouse.embedding(one, key).read_folds(FOLDS) for one in domains}
    of_trees = {one.member: one.read_folds(FOLDS, sample.task.score_names) for one in stored}
    for k in range(FOLDS):
        part = np.full(CLIENTS, k)
        for name, model in nets.items():
            expected = model.predict(seen[name], fold=part).scores[unseen]
            assert of_nets[name][k].scores == pytest.approx(expected, abs=1e-6)
        for name, booster in trees.items():
            expected = booster.predict([seen[domain] for domain in TREES[name]], 1, part)
            assert of_trees[name][k] == pytest.approx(expected[unseen], abs=1e-6)
    assert metamodel.spec.averaging is not None
    assert metamodel.spec.averaging.slopes[0] != 1

    month = dg.MultiPartitionKey({"month": MONTH, "sample": key})
    for domain in nets:
        deployment.materialize(f"history/{domain}", partition=MONTH)
        deployment.materialize(f"retro/embedding/{domain}", partition=month)
    deployment.materialize("retro/scores", partition=month)
    scores = warehouse.retro_scores(key, parse_month(MONTH)).read()
    assert sorted(scores["client_id"]) == sorted(str(client) for client in range(CLIENTS))
    assert scores["score"].n_unique() > CLIENTS / 2
    histories = {one.name: warehouse.history(one, Period(parse_month(MONTH))).read() for one in domains}
    for client in ("12", "33", str(WITHOUT_ACCOUNT)):
        own = {name: history.of_clients(pa.array([client])) for name, history in histories.items()}
        members = {name: mean_of_nets(model, own[name]) for name, model in nets.items()}
        members |= {name: mean_of_trees(model, [own[one] for one in TREES[name]]) for name, model in trees.items()}
        assert members["accounts"].present[0] == members["boosting/accounts"].present[0] == (client != "7")
        [found] = scores.filter(pl.col("client_id") == client)["score"]
        assert found == pytest.approx(metamodel.predict(members)[0, 0], abs=1e-5)


def mean_of_nets(model: DomainModel, sequences: Sequences) -> DomainVectors:
    """What the nets of five folds say of one client, on average."""
    parts = [model.predict(sequences, fold=np.array([k])) for k in range(FOLDS)]
    logits = np.mean([model.spec.output.logits(part.scores) for part in parts], axis=0)
    embedding = np.mean([part.embedding for part in parts], axis=0)
    return DomainVectors(embedding, model.spec.output.scores(logits), sequences.length > 0)


def mean_of_trees(model: BoostingModel, sequences: list[Sequences]) -> DomainVectors:
    """What the trees of five folds say of one client, on average."""
    parts = [model.predict(sequences, 1, fold=np.array([k])) for k in range(FOLDS)]
    logits = np.mean([model.spec.output.logits(part) for part in parts], axis=0)
    present = np.array([any(part.length[0] > 0 for part in sequences)])
    return DomainVectors(np.zeros((1, 0), np.float32), model.spec.output.scores(logits), present)
