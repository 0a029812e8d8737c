import datetime as dt
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from anna_core.analytics.constant import constant_scores
from anna_core.analytics.content import ReportContent
from anna_core.analytics.coverage import DomainCoverage
from anna_core.analytics.curves import pr_points, roc_points, score_bins
from anna_core.analytics.formatting import format_lead, format_signed, format_value
from anna_core.analytics.headline import headline
from anna_core.analytics.held_out import HeldOut
from anna_core.analytics.html import render_report
from anna_core.analytics.leaderboard import leaderboard
from anna_core.analytics.legend import SHOWN_MODELS, model_colours, shown_models
from anna_core.analytics.plots import report_figures
from anna_core.analytics.usefulness import usefulness
from anna_core.metrics.bootstrap import Interval
from anna_core.metrics.registry import default_metric, metrics_of
from anna_core.models.progress import EpochReport
from anna_core.tasks.task import Task, TaskType

HOSTILE = '<script>alert("x")</script> & $\\frac$'


def make_content(task_type=TaskType.BINARY, n=400, metric=None, noise=(0.4, 0.8, 1.5), seed=0, **changes):
    """A launch with a constant, boosting, a metamodel and a net, whose scores are the truth with noise."""
    draws = np.random.default_rng(seed)
    match task_type:
        case TaskType.MULTICLASS:
            target = draws.integers(0, 3, n)
            truth = np.eye(3)[target]
        case TaskType.MULTILABEL:
            target = truth = (draws.random((n, 3)) < 0.4).astype(np.float32)
        case TaskType.REGRESSION:
            target = truth = draws.lognormal(3, 1.5, (n, 1)).astype(np.float32)
        case _:
            target = truth = (draws.random((n, 1)) < 0.25).astype(np.float32)

    def scores(level):
        if task_type is TaskType.REGRESSION:
            return np.expm1(np.log1p(truth) + draws.normal(0, level, truth.shape)).astype(np.float32)
        raw = 1 / (1 + np.exp(2 - 4 * truth - draws.normal(0, 3 * level, truth.shape)))
        return (raw / raw.sum(axis=1, keepdims=True) if task_type is TaskType.MULTICLASS else raw).astype(np.float32)

    task = Task(
        name="churn",
        type=task_type,
        metric=metric or default_metric(task_type, target),
        classes=("low", "middle", HOSTILE) if task_type is TaskType.MULTICLASS else (),
        targets=("target_a", "target_b", f"target_{HOSTILE}") if task_type is TaskType.MULTILABEL else ("target",),
        description=HOSTILE,
        guesses=("A guess.", HOSTILE),
    )
    split = np.array(["train", "train", "valid", "test"])[np.arange(n) % 4]
    weight = np.ones(n, dtype=np.float32)
    models = {
        ("constant", "constant"): constant_scores(target, weight, split, task),
        ("metamodel", "metamodel"): scores(noise[0]),
        ("boosting", "boosting"): scores(noise[1]),
        ("net", HOSTILE): scores(noise[2]),
    }
    content = {
        "task": task,
        "sample": "2024q1",
        "scores": models,
        "target": target,
        "weight": weight,
        "split": split,
        "curves": {
            HOSTILE: [
                EpochReport(i, 3, 1 / i, 1.1 / i, task.metric, 0.7, 9.0, 0.0, best=i == 2, net=net, nets=2)
                for net in (1, 2)
                for i in (1, 2, 3)
            ]
        },
        "coverage": [DomainCoverage(HOSTILE, n, n // 2, 10 * n, 18.0, 200, 3)],
        "as_of": np.full(n, np.datetime64("2024-03-01")),
        "provenance": {"seed": 0, "sequences": {HOSTILE: "v1"}},
        "created_at": dt.datetime(2024, 4, 1, 9, 30),
        "blend": "",
        "warnings": (),
    } | changes
    held_out = HeldOut.of(content["split"] == "test", content["target"], content["weight"], np.arange(n))
    useful = usefulness(content["scores"], held_out, task) if content["scores"] else None
    board = leaderboard(content["scores"], held_out, task)
    return ReportContent(held_out=held_out, leaderboard=board, usefulness=useful, **content)


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss", "brier"])
def test_leaderboard_puts_the_best_first_in_either_direction(metric):
    rows = make_content(metric=metric).leaderboard
    assert [row.kind for row in rows[:2]] == ["metamodel", "boosting"]
    assert all(row.low <= row.value <= row.high for row in rows)
    assert {row.rows for row in rows} == {100}
    values = [row.value for row in rows]
    assert values == sorted(values, reverse=metric == "roc_auc")


def test_leaderboard_looks_at_the_held_out_rows_only():
    content = make_content()
    other = np.where((content.split == "test")[:, None], content.target, 1 - content.target)
    held_out = HeldOut.of(content.split == "test", other, content.weight, np.arange(400))
    assert leaderboard(content.scores, held_out, content.task) == content.leaderboard


@pytest.mark.parametrize("metric", ["roc_auc", "brier"])
def test_leaderboard_tells_the_metamodels_lead_over_each_model(metric):
    ours, second, third, constant = make_content(metric=metric).leaderboard
    assert ours.lead is None
    for row in (second, third, constant):
        assert row.lead.value == pytest.approx(abs(ours.value - row.value))
        assert row.lead.low <= row.lead.value <= row.lead.high
    assert third.lead.low > 0
    behind = make_content(metric=metric, noise=(2.0, 0.2, 2.0)).leaderboard[0]
    assert behind.kind == "boosting"
    assert behind.lead.high < 0


def test_undefined_metrics_come_last():
    judged = make_content()
    scores = judged.scores | {("metamodel", "metamodel"): judged.scores["metamodel", "metamodel"]}
    nothing = HeldOut.of(np.zeros(400, dtype=bool), judged.target, judged.weight, np.arange(400))
    empty = leaderboard(scores, nothing, judged.task)
    assert all(np.isnan(row.value) and row.lead is None for row in empty)


def test_score_bins_keep_ties_together_and_weigh_rows():
    score = np.array([0.1] * 6 + [0.2, 0.2, 0.9, 0.9])
    target = np.array([0, 0, 0, 0, 0, 1, 0, 1, 1, 1.0])
    bins = score_bins(target, score, np.ones(10), bins=5)
    assert bins.rows.tolist() == [6, 2, 2]
    assert bins.target == pytest.approx([1 / 6, 0.5, 1])
    assert bins.calibration_error == pytest.approx(0.6 * (1 / 6 - 0.1) + 0.2 * 0.3 + 0.2 * 0.1)
    low, high = bins.wilson()
    assert (low >= 0).all()
    assert (high <= 1).all()
    assert (low <= bins.target).all()
    heavy = score_bins(target, score, np.where(score == 0.9, 4.0, 1.0), bins=5)
    assert heavy.share == pytest.approx([6 / 16, 2 / 16, 8 / 16])


def test_the_calibration_plot_tells_error_and_slope():
    caption = report_figures(make_content())["calibration"].caption
    assert re.search(r"they are \d+\.\d% apart on average \(ECE\)\. The calibration slope is \d+\.\d\d: 1 is", caption)
    one_class = make_content()
    one_class.held_out.target[:] = 0
    assert "slope" not in report_figures(one_class)["calibration"].caption


def test_curves_of_a_perfect_score():
    label = np.array([True, True, False, False])
    x, y = roc_points(label, np.array([4.0, 3, 2, 1]), np.ones(4))
    assert (x.tolist(), y.tolist()) == ([0, 0, 0, 0.5, 1], [0, 0.5, 1, 1, 1])
    recall, precision = pr_points(label, np.array([4.0, 3, 2, 1]), np.ones(4))
    assert recall.tolist() == [0.5, 1, 1, 1]
    assert precision == pytest.approx([1, 1, 2 / 3, 0.5])


def test_plots_show_the_metamodel_and_boosting_whatever_their_rank():
    content = make_content(noise=(3.0, 2.0, 0.2))
    assert {row.kind for row in shown_models(content)} == {"metamodel", "boosting", "net"}


@pytest.mark.parametrize("seed", range(5))
def test_models_that_share_a_plot_have_colours_of_their_own(seed):
    """As with three domains: three nets and their mean, three boosters and that of all."""
    draws = np.random.default_rng(seed)
    keys = [("metamodel", "metamodel"), ("mean", "mean"), ("constant", "constant")]
    keys += [(kind, name) for kind in ("boosting", "net") for name in ("cards", "accounts", "credits")]
    scores = {key: draws.random((400, 1)).astype(np.float32) for key in [*keys, ("boosting", "all domains")]}
    content = make_content(scores=scores)
    colours = model_colours(content)
    assert set(colours) == set(scores)
    shown = [colours[row.kind, row.model] for row in shown_models(content)]
    assert len(set(shown)) == len(shown) == SHOWN_MODELS


@pytest.mark.parametrize(
    ("noise", "verdict"), [((0.2, 2.0, 2.0), "beats"), ((0.6, 0.1, 2.0), "falls short"), ((0.5, 0.5, 2), "told apart")]
)
@pytest.mark.parametrize("metric", ["roc_auc", "brier"])
def test_headline_compares_the_metamodel_with_boosting(noise, verdict, metric):
    assert verdict in headline(make_content(noise=noise, metric=metric)).verdict


@pytest.mark.parametrize(
    ("task_type", "metric"), [(task_type, metric) for task_type in TaskType for metric in metrics_of(task_type)]
)
def test_headline_tells_what_any_metric_says(task_type, metric):
    assert headline(make_content(task_type, metric=metric)).meaning


@pytest.mark.parametrize(
    ("task_type", "metric"), [(task_type, metric) for task_type in TaskType for metric in metrics_of(task_type)]
)
def test_any_metric_tells_a_model_that_is_of_use_from_one_that_learnt_nothing(task_type, metric):
    good = make_content(task_type, metric=metric)
    assert good.usefulness.proven
    assert "No better than a constant" not in headline(good).verdict
    constant = good.scores["constant", "constant"]
    noise = np.random.default_rng(1).lognormal(0, 0.3, constant.shape).astype(np.float32)
    learnt_nothing = good.scores | {("metamodel", "metamodel"): constant * noise}
    useless = make_content(task_type, metric=metric, scores=learnt_nothing)
    assert useless.usefulness.proven is False
    assert headline(useless).tone == "bad"
    assert headline(useless).verdict.startswith("No better than a constant: the difference in ")


def test_a_model_that_no_metric_can_judge_is_not_called_useful():
    content = make_content(target=np.zeros((400, 1), dtype=np.float32))
    assert content.usefulness.proven is None
    assert "no model is known to be of use" in str(content.usefulness)


def rare_content(positives, **changes):
    """A launch of a hundred held-out rows, so many of which have the target."""
    target = (np.arange(400) // 4 < positives).astype(np.float32)[:, None]
    return make_content(target=target, **changes)


@pytest.mark.parametrize("positives", [1, 3, 8])
def test_of_a_handful_of_targets_nothing_is_concluded(positives):
    content = rare_content(positives)
    assert content.usefulness.proven is None
    told = f"Only {positives} held-out clients with the rarest outcome, and some 10 are needed for a verdict"
    assert str(content.usefulness).startswith(
        f"{told}, so no model is known to be of use (the difference in ROC AUC is "
    )
    head = headline(content)
    assert (head.verdict, head.tone, head.interval) == (str(content.usefulness), "neutral", "")
    assert re.match(r"Metamodel: ROC AUC 0\.\d{3} \(Gini −?\d\.\d{3}\) on 100 held-out rows; ", head.sentence)
    assert all(row.lead is None and np.isnan([row.low, row.high]).all() for row in content.leaderboard)
    assert told in render_report(content)


def test_a_model_that_is_a_constant_itself_is_said_to_be_the_same():
    constant = make_content().scores["constant", "constant"]
    same = make_content(scores=make_content().scores | {("metamodel", "metamodel"): constant * 0.5})
    assert same.usefulness.proven is False
    told = "No better than a constant: both have the same ROC AUC on these rows, and on whatever part of them"
    assert headline(same).verdict == str(same.usefulness) == told
    [row] = [row for row in same.leaderboard if row.kind == "constant"]
    assert format_lead(row.lead) == "the same"


def test_a_metamodel_that_scores_by_the_trees_alone_is_said_to_be_the_same():
    scores = make_content().scores
    alone = make_content(scores=scores | {("metamodel", "metamodel"): scores["boosting", "boosting"] ** 2})
    assert headline(alone).verdict == "The metamodel and boosting on aggregates have the same ROC AUC"


def test_leads_have_so_many_digits_that_their_bounds_differ():
    assert format_lead(Interval(0.0123, -0.004, 0.0204)) == "+0.012 [−0.004, +0.020]"
    assert format_lead(Interval(0.00021, 0.00011, 0.00032)) == "+0.0002 [+0.0001, +0.0003]"
    assert format_lead(Interval(0.0, 0.0, 0.0)) == "the same"
    assert format_lead(Interval(1e-9, 0.0, 2e-9)) == "0.000000 [0.000000, 0.000000]"
    assert format_lead(Interval(0.3, float("nan"), float("nan"))) == "+0.300"
    assert format_lead(Interval(float("nan"), float("nan"), float("nan"))) == format_lead(None) == ""
    assert format_lead(Interval(1234.0, 1233.9, 1234.2)) == "+1,234 [+1,234, +1,234]"


def test_headline_sentence():
    content = make_content()
    best = content.leaderboard[0]
    head = headline(content)
    assert head.sentence.startswith(
        f"Metamodel: ROC AUC {best.value:.3f} [{best.low:.3f}, {best.high:.3f}] (Gini {2 * best.value - 1:.3f}) "
        "on 100 held-out rows; boosting on aggregates "
    )
    assert head.sentence.endswith("constant 0.500.")
    assert head.in_brief == f"roc_auc {best.value:.3f} on 100 held-out rows"


def test_a_report_is_about_the_model_that_clients_are_scored_by_though_another_be_better():
    content = make_content(noise=(0.8, 0.4, 1.5))
    [ours] = [row for row in content.leaderboard if row.kind == "metamodel"]
    assert content.leaderboard[0].kind == "boosting"
    assert content.subject == ours
    assert headline(content).sentence.startswith(f"Metamodel: ROC AUC {ours.value:.3f} ")


def test_a_report_says_what_the_metamodel_is_made_of():
    assert "nothing but trees" in render_report(make_content(blend="It is nothing but trees."))
    assert "nothing but trees" not in render_report(make_content())


def test_numbers_as_text():
    assert [format_value(v) for v in (0.1234, -0.5, -0.0001, 123.456, 66919.2, float("nan"))] == [
        "0.123", "−0.500", "0.000", "123.5", "66,919", "n/a",
    ]  # fmt: skip
    assert [format_signed(v) for v in (0.0123, -0.0123, 0.0, 0.0001)] == ["+0.012", "−0.012", "0.000", "0.000"]


EXPECTED_PLOTS = {
    TaskType.BINARY: {"roc", "precision_recall", "deciles", "calibration", "scores", "ks"},
    TaskType.MULTICLASS: {"roc", "confusion"},
    TaskType.MULTILABEL: {"roc", "labels"},
    TaskType.REGRESSION: {"predicted_actual", "residuals"},
}


class _Page(HTMLParser):
    """Collects what a page would fetch, its tags and its ids."""

    def __init__(self, text):
        super().__init__()
        self.links, self.tags, self.ids = [], set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "action", "srcset", "data"):
                self.links.append(value)
            if name == "id":
                self.ids.append(value)


@pytest.mark.parametrize("task_type", list(TaskType))
def test_report_holds_everything_and_escapes(task_type):
    content = make_content(task_type)
    figures = report_figures(content)
    assert set(figures) == {"leaderboard", "learning", "coverage"} | EXPECTED_PLOTS[task_type]
    text = render_report(content, figures)
    page = _Page(text)
    assert all(link.startswith(("#", "data:image/png")) for link in page.links)
    assert not re.search(r"https?://|@import|url\((?!#)", text)
    assert page.tags.isdisjoint({"script", "link", "iframe", "object"})
    assert len(page.ids) == len(set(page.ids))
    assert "&lt;script&gt;alert" in text
    assert "<h2>Warnings</h2>" not in text
    doubtful = render_report(replace(content, warnings=["cards: <b>moved</b>"]), figures)
    assert "<h2>Warnings</h2>" in doubtful
    assert "<li>cards: &lt;b&gt;moved&lt;/b&gt;</li>" in doubtful


@pytest.mark.parametrize("task_type", list(TaskType))
def test_pngs_are_900_pixels_wide_and_small(task_type):
    for plot in report_figures(make_content(task_type, n=12_000)).values():
        png = plot.png()
        assert Image.open(io.BytesIO(png)).width == pytest.approx(900, abs=1)
        assert len(png) < 60_000, plot.name
        assert plot.markdown().startswith(f"![{plot.title}](data:image/png;base64,")


@pytest.mark.parametrize("task_type", list(TaskType))
@pytest.mark.parametrize("held_out", [0, 1, 3])
def test_tiny_held_out_sets_do_not_break_the_report(task_type, held_out):
    split = np.array(["test"] * held_out + ["train"] * (40 - held_out))
    assert "held-out rows" in render_report(make_content(task_type, n=40, split=split))


def test_the_same_content_gives_the_same_file():
    content = make_content(TaskType.REGRESSION)
    assert render_report(content) == render_report(content)


def test_one_class_says_not_defined():
    content = make_content(target=np.zeros((400, 1), dtype=np.float32))
    text = render_report(content)
    assert "ROC AUC is not defined" in text
    assert "Not defined" in text


def test_a_launch_without_models_or_domains_is_reported():
    content = make_content(scores={}, curves={}, coverage=(), provenance={})
    assert "No model can be ranked" in render_report(content)
