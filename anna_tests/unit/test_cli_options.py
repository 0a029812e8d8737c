"""`--option name=value`."""

import pytest

from anna_cli.commands.submit import task_options
from anna_cli.options import parse_options
from anna_core.errors import TaskError


def test_dotted_names_become_nested_options_with_typed_values():
    texts = ["training.epochs=5", "net.encoder=transformer", "training.learning_rate=1e-3", "seed=7", "description=a=b"]
    assert parse_options(texts) == {
        "training": {"epochs": 5, "learning_rate": "1e-3"},  # YAML 1.1 has no number without a point; pydantic reads it
        "net": {"encoder": "transformer"},
        "seed": 7,
        "description": "a=b",
    }


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["training.epochs"], "name=value"),
        (["=5"], "name=value"),
        (["training..epochs=5"], "name=value"),
        (["net={"], r"--option net=\{: cannot be read as YAML: .* put in quotes what is text"),
        (["training.epochs=2024-13-45"], "'2024-13-45' looks like a date, but is none; correct it, or put"),
        (["net={hidden: 1, hidden: 2}"], "'hidden' is there twice"),
        (["seed=1", "seed=2"], "given twice"),
        (["net=gru", "net.hidden=8"], "was given a value before"),
    ],
)
def test_wrong_options_are_explained(texts, told):
    with pytest.raises(TaskError, match=told):
        parse_options(texts)


def test_named_options_join_the_others():
    joined = task_options({"training": {"epochs": 5}}, {"type": "binary", "metric": None, "owner": "risk"})
    assert joined == {"training": {"epochs": 5}, "type": "binary", "owner": "risk"}


def test_an_option_given_in_two_ways_is_refused():
    with pytest.raises(TaskError, match="both given"):
        task_options({"owner": "a"}, {"owner": "b"})


def test_an_unknown_setting_is_refused_before_anything_is_sent():
    with pytest.raises(TaskError, match=r"training\.epoch"):
        task_options({"training": {"epoch": 5}}, {})


@pytest.mark.parametrize(
    ("options", "named", "told"),
    [
        ({"metric": "auc"}, {}, r"^--option metric: there is no metric 'auc'; .* Is roc_auc meant\?$"),
        ({"metric": "rocauc"}, {}, r"^--option metric: there is no metric 'rocauc'; .* Is roc_auc meant\?$"),
        ({}, {"metric": "rocauc"}, r"^--metric: there is no metric 'rocauc'"),
        ({"type": "binary"}, {"metric": "rmse"}, r"^--metric: metric 'rmse' is not defined for a binary task"),
    ],
)
def test_a_metric_that_there_is_not_is_refused_by_the_name_of_its_option(options, named, told):
    with pytest.raises(TaskError, match=told):
        task_options(options, named)
