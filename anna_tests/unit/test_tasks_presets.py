from dataclasses import asdict

import pytest
from pydantic import ValidationError

from anna_core.errors import TaskError
from anna_core.tasks.net import NetSpec
from anna_core.tasks.presets import PRESETS
from anna_core.tasks.task import Task, parse_request
from anna_core.tasks.training import TrainingSpec
from anna_tests.conftest import ROOT


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_fills_all_that_is_left_open(name):
    request = parse_request({"training": {"preset": name}}, "task.yaml")
    assert asdict(PRESETS[name]).items() <= request.training.model_dump().items()


def test_standard_is_the_default():
    assert parse_request(None, "task.yaml") == parse_request({"training": {"preset": "standard"}}, "task.yaml")
    assert TrainingSpec() == TrainingSpec(preset="standard")


def test_what_the_user_says_wins():
    said = {"training": {"preset": "fast", "epochs": 7, "budget": None}, "net": {"hidden": 32}}
    request = parse_request(said, "task.yaml")
    fast = PRESETS["fast"]
    assert (request.training.epochs, request.training.budget) == (7, None)
    assert (request.training.folds, request.training.patience) == (fast.folds, fast.patience)
    assert (request.net.hidden, request.net.encoder) == (32, NetSpec().encoder)


def test_a_setting_that_was_the_nets_once_is_told_where_it_went():
    moved = r"task\.yaml: net: event_dropout is a setting of the training.*`training: \{event_dropout: 0\.3\}`"
    with pytest.raises(TaskError, match=moved):
        parse_request({"net": {"hidden": 32, "event_dropout": 0.3}}, "task.yaml")


def test_what_happens_in_training_alone_leaves_the_net_what_it_is():
    request = parse_request({"training": {"event_dropout": 0.3}}, "task.yaml")
    assert request.training.event_dropout == 0.3
    assert request.net == NetSpec()


def test_a_task_reads_back_as_it_was_written_and_specs_may_be_given_as_such():
    task = Task(
        name="t",
        type="binary",
        metric="roc_auc",
        net=NetSpec(hidden=32),
        training=TrainingSpec(preset="best", seeds=3),
    )
    assert task.net.hidden == 32
    assert (task.training.seeds, task.training.folds) == (3, PRESETS["best"].folds)
    assert Task.model_validate_json(task.model_dump_json()) == task


def test_presets_are_in_the_order_of_their_cost():
    costs = [preset.folds * preset.seeds * preset.epochs for preset in PRESETS.values()]
    assert list(PRESETS) == ["fast", "standard", "best"]
    assert costs == sorted(costs)
    # `fast` is to take a fifth of the time of `standard` at most; a net of a fold sees as many rows as a single one.
    assert costs[0] <= 0.2 * costs[1]
    assert PRESETS["fast"].budget <= 0.2 * PRESETS["standard"].budget


def test_an_unknown_preset_is_refused():
    with pytest.raises(ValidationError, match=r"preset\n.*'fast', 'standard' or 'best'"):
        TrainingSpec(preset="fastest")


def test_the_presets_are_documented():
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    for name in asdict(PRESETS["standard"]):
        values = (f"{asdict(preset)[name]:g}" for preset in PRESETS.values())
        assert f"| `{name}` | {' | '.join(values)} |" in text
