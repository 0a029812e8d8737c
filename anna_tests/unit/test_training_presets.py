from dataclasses import asdict
from pathlib import Path

import pytest
from pydantic import ValidationError

from anna_core.tasks.net import NetSpec
from anna_core.tasks.presets import PRESETS
from anna_core.tasks.task import Task, parse_request
from anna_core.tasks.training import TrainingSpec


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_fills_all_that_is_left_open(name):
    request = parse_request({"training": {"preset": name}}, "task.yaml")
    assert asdict(PRESETS[name].training).items() <= request.training.model_dump().items()
    assert asdict(PRESETS[name].net).items() <= request.net.model_dump().items()


def test_standard_is_the_default():
    assert parse_request(None, "task.yaml") == parse_request({"training": {"preset": "standard"}}, "task.yaml")
    assert TrainingSpec() == TrainingSpec(preset="standard")


def test_what_the_user_says_wins():
    said = {"training": {"preset": "fast", "epochs": 7, "budget": None}, "net": {"hidden": 32}}
    request = parse_request(said, "task.yaml")
    fast = PRESETS["fast"]
    assert (request.training.epochs, request.training.budget) == (7, None)
    assert (request.training.folds, request.training.patience) == (fast.training.folds, fast.training.patience)
    assert (request.net.hidden, request.net.encoder) == (32, fast.net.encoder)


def test_a_task_reads_back_as_it_was_written_and_specs_may_be_given_as_such():
    task = Task(
        name="t",
        type="binary",
        metric="roc_auc",
        net=NetSpec(hidden=32),
        training=TrainingSpec(preset="best", seeds=3),
    )
    assert task.net.hidden == 32
    assert (task.training.seeds, task.training.folds) == (3, PRESETS["best"].training.folds)
    assert Task.model_validate_json(task.model_dump_json()) == task


def test_presets_are_in_the_order_of_their_cost():
    costs = [p.training.folds * p.training.seeds * p.training.epochs for p in PRESETS.values()]
    assert list(PRESETS) == ["fast", "standard", "best"]
    assert costs == sorted(costs)
    # `fast` is to take a fifth of the time of `standard` at most; a net of a fold sees as many rows as a single one.
    assert costs[0] <= 0.2 * costs[1]
    assert PRESETS["fast"].training.budget <= 0.2 * PRESETS["standard"].training.budget


def test_an_unknown_preset_is_refused():
    with pytest.raises(ValidationError, match=r"preset\n.*'fast', 'standard' or 'best'"):
        TrainingSpec(preset="fastest")


def test_the_presets_are_documented():
    text = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
    for name in asdict(PRESETS["standard"].training):
        values = (f"{asdict(preset.training)[name]:g}" for preset in PRESETS.values())
        assert f"| `{name}` | {' | '.join(values)} |" in text
    nets = [asdict(preset.net) for preset in PRESETS.values()]
    texts = (f"`{net['encoder']}`, {net['hidden']}, {net['layers']}" for net in nets)
    assert f"| `net.encoder`, `net.hidden`, `net.layers` | {' | '.join(texts)} |" in text
