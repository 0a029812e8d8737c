"""The quality benchmark's entries and page: what is kept of a training, and that the page can be made of it."""

import json

import pytest

from benchmarks.quality import page, results
from benchmarks.quality.entry import Entry
from benchmarks.quality.results import Results
from benchmarks.quality.variants import BASE, VARIANTS


def entry(variant, seed=0, nets=0.8123456789):
    return Entry(
        contest="cmb2020/inactive",
        variant=variant,
        seed=seed,
        metric="roc_auc",
        values={"metamodel": 0.9, "nets": nets},
        shares={"cards": 1 / 3},
        seconds={"cards": 12.3456789},
        code="1",
    )


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FILE", tmp_path / "quality.jsonl")
    return tmp_path / "quality.jsonl"


def test_the_page_is_made_of_the_entries():
    text = page.PAGE.read_text(encoding="utf-8")
    emptied = page.render(Results(), text)
    assert len(emptied) < len(text)
    assert page.render(Results.load(), emptied) == text


def test_an_entry_is_a_line_with_what_the_page_needs(file):
    Results().add(entry("standard")).add(entry(BASE.name)).save()
    one_net, standard = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    assert standard == {
        "contest": "cmb2020/inactive",
        "variant": "standard",
        "seed": 0,
        "metric": "roc_auc",
        "values": {"metamodel": 0.9, "nets": 0.812346},
        "shares": {"cards": 0.333333},
        "seconds": {"cards": 12.345679},
        "code": "1",
    }
    assert one_net["values"] == {"nets": 0.812346}
    assert not {"shares", "seconds"} & one_net.keys()


def test_entries_read_back_in_whatever_order_they_came_and_a_new_one_takes_the_place_of_the_old(file):
    found = Results()
    for seed, nets in ((1, 0.5), (0, 0.6), (1, 0.7)):
        found = found.add(entry("standard", seed, nets))
    found.save()
    once = file.read_bytes()
    again = Results.load()
    again.save()
    assert file.read_bytes() == once
    assert [one.values["nets"] for one in again.of("cmb2020/inactive", "standard")] == [0.6, 0.7]
    assert again.has("cmb2020/inactive", "standard", 1)
    assert not again.has("cmb2020/inactive", "fast", 1)


def test_each_ingredient_changes_the_base_in_one_place():
    base = BASE.options
    for name, variant in VARIANTS.items():
        if name in {"standard", "fast", "best", BASE.name, "five nets"}:
            continue
        changed = [part for part in ("net", "training") if variant.options[part] != base[part]]
        assert len(changed) == 1, name
        assert base[changed[0]].keys() - {"numbers"} <= variant.options[changed[0]].keys()
