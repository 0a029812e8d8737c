"""The speed benchmark's own arithmetic: what it makes of runs, and that its data set is what it says."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks.speed import page, scale, start_up, table
from benchmarks.speed.dataset import CARDINALITIES, LONGEST, make_dataset, read_dataset, write_dataset
from benchmarks.speed.harness import Bench, Contestant, ContestantFailedError, parse_run
from benchmarks.speed.machine import Machine
from benchmarks.speed.ours.product import make_sequences
from benchmarks.speed.pieces import PIECES
from benchmarks.speed.pieces import scale as scale_piece
from benchmarks.speed.pieces import start_up as start_up_piece
from benchmarks.speed.pieces.training import unless_worse
from benchmarks.speed.plot import with_headings
from benchmarks.speed.results import Results, Row, Run, compare, median_rate
from benchmarks.speed.sample import digest

WIDTHS = {"mcc": 16, "city": 9, "channel": 5, "currency": 4}
MACHINE = Machine(
    processor="some", cores=2, memory_bytes=2**34, flags=("avx2",), system="Linux", python="3.11", versions={}
)


@pytest.fixture(scope="module")
def data():
    return make_dataset(WIDTHS, clients=2_000)


def bench(rounds=3):
    return Bench(rounds, 1, Path(), Path("python-of-peers"), MACHINE, 1_000, (1_000,))


def run(contestant="ours", events=100.0, seconds=2.0):
    return Run(contestant=contestant, turn=0, seconds=seconds, cpu_seconds=1, events=events, peak_bytes=1)


def test_contestants_take_turns_and_each_round_begins_with_another(monkeypatch):
    order = []

    def note(self, contestant, turn):
        order.append((turn, contestant.name))
        return run(contestant.name)

    monkeypatch.setattr(Bench, "run", note)
    found = bench().race([Contestant("a", "m", ()), Contestant("b", "m", ())])
    assert order == [(0, "a"), (0, "b"), (1, "b"), (1, "a"), (2, "a"), (2, "b")]
    assert {name: len(runs) for name, runs in found.items()} == {"a": 3, "b": 3}


def test_the_best_setting_is_the_fastest(monkeypatch):
    rates = {"slow": 10.0, "fast": 30.0, "middle": 20.0}
    monkeypatch.setattr(Bench, "run", lambda self, contestant, turn: run(events=rates[contestant.name]))
    assert bench().best([Contestant(name, "m", ()) for name in rates]).name == "fast"


def test_a_contestant_that_fails_says_why():
    missing = Contestant("ghost", "benchmarks.speed.no_such_module", ())
    with pytest.raises(ContestantFailedError, match="no_such_module"):
        bench().run(missing, 0)


def test_only_peers_run_in_the_peers_environment():
    assert Contestant("p", "benchmarks.speed.peers.plain_train", ()).is_peer
    assert not Contestant("o", "benchmarks.speed.ours.train", ()).is_peer


def test_a_run_keeps_what_it_has_no_field_for():
    told = {"seconds": 2.0, "cpu_seconds": 3.0, "events": 10, "peak_bytes": 7, "metric": 0.5, "net_seconds": 1.5}
    found = parse_run(json.dumps(told), "ours", 2)
    assert (found.rate, found.turn, found.metric, found.facts) == (5.0, 2, 0.5, {"net_seconds": 1.5})


def test_rates_are_medians():
    assert median_rate([run(events=events) for events in (2, 400, 6)]) == 3.0


@pytest.mark.parametrize(
    ("ours", "peer", "less", "at_least", "ratio", "met"),
    [
        (60.0, 10.0, False, 6.0, 6.0, True),
        (59.0, 10.0, False, 6.0, 5.9, False),
        (2.0, 10.0, True, 6.0, 5.0, False),
        (60.0, 10.0, False, None, 6.0, None),
    ],
)
def test_a_row_is_met_iff_its_ratio_is_reached(ours, peer, less, at_least, ratio, met):
    row = compare("s", "p", ours, peer, at_least=at_least, less_is_better=less)
    assert (row.ratio, row.met) == (pytest.approx(ratio), met)


def test_a_faster_net_that_learned_less_does_not_count():
    row = compare("training", "peer", 60.0, 10.0, at_least=6.0)
    assert unless_worse(row, ours=0.795, peer=0.80).met
    assert not unless_worse(row, ours=0.78, peer=0.80).met


def test_the_table_tells_ratio_threshold_and_notes():
    rows = [
        compare("training", "peer", 61_234.0, 10_000.0, at_least=6.0, note="a note"),
        compare("training", "limit", 0.52, 1.0, at_least=0.5),
        Row(stage="gpu", against="peer", note="skipped"),
    ]
    head, _, first, second, third, _, *notes = table.render(rows).splitlines()
    assert [cell.strip() for cell in first.split("|")[1:-1]] == [
        "training", "peer [1]", "61,234", "10,000", "events/s", "6.12×", "6×", "yes",
    ]  # fmt: skip
    assert "52%" in second
    assert "50%" in second
    assert third.count("–") == 4
    assert notes == ["1. a note", "2. skipped"]
    assert len({len(line) for line in (head, first, second, third)}) == 1


def test_the_page_keeps_what_was_written_by_hand():
    text = f"# Speed\n\nby hand\n{page.BEGIN}\nold table\n{page.END}\nmore by hand\n"
    results = Results()
    once = page.with_table(text, results)
    assert once.startswith("# Speed\n\nby hand\n")
    assert once.endswith(f"{page.END}\nmore by hand\n")
    assert "old table" not in once
    assert page.with_table(once, results) == once


def test_a_page_without_markers_is_refused():
    with pytest.raises(ValueError, match="markers"):
        page.with_table("# Speed\n", Results())


def test_the_project_s_page_has_its_markers():
    assert page.with_table(page.PAGE.read_text(encoding="utf-8"), Results())


def test_the_plot_names_each_stage_once():
    rows = [Row(stage=stage, against="p") for stage in ("a", "a", "b")]
    assert with_headings(rows) == ["a", rows[0], rows[1], "b", rows[2]]


def test_the_data_set_is_long_tailed_and_always_the_same(data):
    again = make_dataset(WIDTHS, clients=2_000)
    assert np.median(data.length) == pytest.approx(63, rel=0.1)
    assert data.length.mean() == pytest.approx(100, rel=0.1)
    assert data.length.max() == LONGEST
    assert data.valid.mean() == pytest.approx(0.2)
    assert (data.amount == again.amount).all()
    assert (data.codes["mcc"] == again.codes["mcc"]).all()
    for name, codes in data.codes.items():
        assert (codes.min(), codes.max()) == (1, CARDINALITIES[name] - 1)


def test_events_of_a_client_are_in_order_of_time(data):
    inner = np.ones(len(data.event_time), dtype=bool)
    inner[data.start] = False
    assert (np.diff(data.event_time)[inner[1:]] >= 0).all()


def test_the_target_can_be_told_from_the_sequences(data):
    mix = np.add.reduceat((data.codes["mcc"] % 2 == 0).astype(float), data.start) / data.length
    size = np.add.reduceat(np.log(data.amount), data.start) / data.length
    assert roc_auc_score(data.target, mix) > 0.65
    assert roc_auc_score(data.target, size) > 0.58


def test_order_tells_of_the_target(data):
    """The same channels in another order say less: only a client's latest ones are drawn by the third trait."""
    even = (data.codes["channel"] % 2 == 0).astype(float)
    latest = even[data.start + data.length - 1]
    oldest = even[data.start]
    assert roc_auc_score(data.target, latest) > 0.55
    assert roc_auc_score(data.target, oldest) < 0.54


def test_the_data_set_is_read_back_and_its_head_is_its_beginning(data, tmp_path):
    few = data.head(50)
    write_dataset(few, tmp_path)
    back = read_dataset(tmp_path)
    assert back.widths == WIDTHS
    assert (back.start == data.start[:50]).all()
    assert (back.codes["city"] == data.codes["city"][: int(data.length[:50].sum())]).all()


def test_ours_sees_the_same_events_as_the_peers(data):
    sequences = make_sequences(data)
    assert (sequences.start == data.start).all()
    assert sequences.length.sum() == len(sequences.event_time)
    assert (sequences.columns["amount"] == data.amount).all()


def test_checksums_tell_lengths_apart():
    assert digest(np.array([1, 2, 3])) == digest(np.array([1, 2, 3], dtype=np.int16))
    assert digest(np.array([1, 2, 3])) != digest(np.array([1, 3, 2]))


def test_scale_tells_where_the_rate_of_a_stage_falls_most(monkeypatch):
    def step(stage, events, seconds, gibibytes):
        rate = {"events": events, "seconds": seconds, "events_per_second": events / seconds}
        return {"stage": stage, **rate, "peak_bytes": gibibytes * 2**30}

    monkeypatch.setattr(scale, "STAGES", ("marts",))
    steps = [step("marts", 10, 10.0, 1), step("marts", 100, 20.0, 3), step("marts", 1000, 400.0, 2)]
    monkeypatch.setattr(scale, "measure", lambda sizes, folder: steps)
    rate, memory = scale_piece.measure(bench())
    assert (rate.ratio, rate.met) == (0.5, False)
    assert (memory.ours, memory.peer, memory.met) == (3.0, 4.0, True)


def test_start_up_must_take_at_most_what_is_allowed(monkeypatch):
    found = [{"stage": "launch", "against": "empty", "seconds": 9.0, "against_seconds": 6.0, "all_seconds": [9.0]}]
    monkeypatch.setattr(start_up, "measure", lambda rounds: [{**found[0], "at_most": 2.0}, *found])
    limited, told = start_up_piece.measure(bench())
    assert (limited.ratio, limited.at_least, limited.met) == (pytest.approx(2 / 3), 0.5, True)
    assert told.met is None


@pytest.mark.parametrize("module", PIECES.values())
def test_every_piece_is_a_module(module):
    assert importlib.util.find_spec(module) is not None
