import numpy as np
import pytest

from anna_core.models.outputs import Output
from anna_core.models.vectors import DomainVectors, mean_scores
from anna_core.tasks.task import TaskType


def member(scores, present):
    scores = np.asarray(scores, dtype=np.float32)
    return DomainVectors(np.zeros((len(scores), 2), np.float32), scores, np.asarray(present))


def sigmoid(logits):
    return 1 / (1 + np.exp(-np.asarray(logits)))


def test_the_mean_is_of_the_logits_of_the_members_that_are_present():
    output = Output(task_type=TaskType.BINARY, outputs=1, base_logits=(-1.0,))
    first = member(sigmoid([[2], [2], [2], [2]]), [True, True, False, False])
    second = member(sigmoid([[-1], [-1], [-1], [-1]]), [True, False, True, False])
    scores = mean_scores([first, second], output)
    assert scores.dtype == np.float32
    assert scores[:, 0] == pytest.approx(sigmoid([0.5, 2, -1, -1]), abs=1e-5)  # where nobody is, the base rate


def test_classes_sum_to_one_and_the_geometric_mean_wins():
    output = Output(task_type=TaskType.MULTICLASS, outputs=2, base_logits=(np.log(0.3), np.log(0.7)))
    members = [member([[0.9, 0.1], [0.9, 0.1]], [True, False]), member([[0.5, 0.5], [0.1, 0.9]], [True, False])]
    scores = mean_scores(members, output)
    assert scores == pytest.approx(np.array([[0.75, 0.25], [0.3, 0.7]]), abs=1e-5)  # 0.9·0.5 : 0.1·0.5 is 9, its root 3
