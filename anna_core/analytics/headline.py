"""The launch in two sentences that a banker understands."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from anna_core.analytics.content import ReportContent
from anna_core.analytics.formatting import format_interval, format_signed, format_value
from anna_core.analytics.leaderboard import LeaderboardRow
from anna_core.analytics.legend import model_titles
from anna_core.metrics.bootstrap import bootstrap_difference

Tone = Literal["good", "neutral", "bad"]

_MEANINGS = {
    "roc_auc": "Of a client with the target and one without, the first scores higher in {value:.0%} of cases.",
    "gini": "0 is chance and 1 a perfect order of the clients.",
    "pr_auc": "Mean share of targets among the clients picked, over all cut-offs.",
    "ks": "The largest gap between the share of targets and the share of others that a cut-off picks.",
    "brier": "Mean squared distance of the probability from what happened; 0 is perfect.",
    "f1": "Balance of how many of the picked clients have the target and how many with it are picked; 1 is perfect.",
    "lift_at_1pct": "The target is {value:.1f} times as common among the 1% with the highest scores as among all.",
    "lift_at_5pct": "The target is {value:.1f} times as common among the 5% with the highest scores as among all.",
    "lift_at_10pct": "The target is {value:.1f} times as common among the 10% with the highest scores as among all.",
    "precision_at_1pct": "Of the 1% of clients with the highest scores, {value:.0%} have the target.",
    "precision_at_5pct": "Of the 5% of clients with the highest scores, {value:.0%} have the target.",
    "precision_at_10pct": "Of the 10% of clients with the highest scores, {value:.0%} have the target.",
    "recall_at_1pct": "The 1% of clients with the highest scores hold {value:.0%} of those with the target.",
    "recall_at_5pct": "The 5% of clients with the highest scores hold {value:.0%} of those with the target.",
    "recall_at_10pct": "The 10% of clients with the highest scores hold {value:.0%} of those with the target.",
    "macro_roc_auc": "Of a client of a class and one of another, the first scores higher in {value:.0%} of cases.",
    "accuracy": "The likeliest class is the true one for {value:.0%} of the clients.",
    "balanced_accuracy": "The likeliest class is the true one for {value:.0%} of a class's clients, classes alike.",
    "macro_f1": "How well the clients told to be of a class and those of it agree, classes alike; 1 is perfect.",
    "mean_roc_auc": "Of a client with a label and one without, the first scores higher in {value:.0%} of cases.",
    "mean_pr_auc": "Mean share of true labels among the clients picked, over all cut-offs and labels.",
    "mean_f1": "How well the clients picked for a label and those with it agree, on average; 1 is perfect.",
    "log_loss": "How surprising the truth is under the predicted probabilities; 0 is perfect.",
    "r2": "The share of the differences between clients that the model explains.",
    "r2_log1p": "The share of the differences between clients, on a logarithmic scale, that the model explains.",
    "rmse": "The typical error in the target's units, large errors counting more.",
    "mae": "The typical error in the target's units.",
    "mape": "The typical error is {value:.0%} of the true value.",
    "spearman": "How well the order of the predictions follows the order of the truth; 1 is perfect.",
}


@dataclass(frozen=True)
class Headline:
    """What a report says first.

    Attributes:
        model: title of the best model.
        metric: title of the metric.
        value: the metric, in text.
        interval: its 95% interval in text; empty where not defined.
        sentence: the result and those of boosting and of a constant.
        meaning: what the metric says of clients.
        verdict: the net against boosting, in words; empty where there is nothing to compare.
        tone: whether that is good news.
    """

    model: str
    metric: str
    value: str
    interval: str
    sentence: str
    meaning: str
    verdict: str
    tone: Tone


def headline(content: ReportContent, seed: int = 0) -> Headline:
    """Sum up the leaderboard; `seed` is of the bootstrap that compares the net with boosting."""
    best, metric = content.best, content.metric
    if best is None or np.isnan(best.value):
        return _undefined(content)
    titles = model_titles(content)
    name, value = titles[best.kind, best.model], format_value(best.value)
    interval = format_interval(best.low, best.high)
    gini = f" (Gini {format_value(2 * best.value - 1)})" if metric.name == "roc_auc" else ""
    others = [
        f"{titles[row.kind, row.model][0].lower()}{titles[row.kind, row.model][1:]} {format_value(row.value)}"
        for row in (content.best_of("metamodel"), content.best_of("boosting"), content.best_of("constant"))
        if row is not None and row != best
    ]
    sentence = f"{name}: {metric.title} {value} {interval}{gini} on {best.rows:,} held-out rows"
    verdict, tone = _verdict(content, seed)
    return Headline(
        model=name,
        metric=metric.title,
        value=value,
        interval=interval,
        sentence="; ".join([sentence, ", ".join(others)] if others else [sentence]) + ".",
        meaning=_MEANINGS[metric.name].format(value=best.value),
        verdict=verdict,
        tone=tone,
    )


def _verdict(content: ReportContent, seed: int) -> tuple[str, Tone]:
    net, boosting = content.best_of("metamodel") or content.best_of("domain"), content.best_of("boosting")
    if net is None or boosting is None:
        return "", "neutral"
    low, value, high = _gain(content, net, boosting, seed)
    if np.isnan(low):
        return "", "neutral"
    title = "The metamodel" if net.kind == "metamodel" else "The best net"
    span = f"{format_signed(value)} [{format_signed(low)}, {format_signed(high)}]"
    if low > 0:
        return f"{title} beats boosting on aggregates: {span}", "good"
    if high < 0:
        return f"{title} falls short of boosting on aggregates: {span}", "bad"
    return f"{title} and boosting on aggregates cannot be told apart on these rows: {span}", "neutral"


def _gain(content: ReportContent, net: LeaderboardRow, boosting: LeaderboardRow, seed: int) -> tuple[float, ...]:
    """Lower bound, value and upper bound of what the net gains over boosting; positive is better."""
    held_out, metric = content.held_out, content.metric
    scores = content.held_out_scores(net), content.held_out_scores(boosting)
    value, low, high = bootstrap_difference(metric, held_out.target, *scores, held_out.weight, seed=seed)
    return (low, value, high) if metric.greater_is_better else (-high, -value, -low)


def _undefined(content: ReportContent) -> Headline:
    rows = len(content.held_out)
    reason = "no rows were held out" if not rows else f"the {rows:,} held-out rows do not allow it"
    return Headline(
        model="No model can be ranked",
        metric=content.metric.title,
        value="Not defined",
        interval="",
        sentence=f"{content.metric.title} is not defined: {reason} (one class only, a constant target, or none).",
        meaning="Bring a sample whose held-out part has more rows, with every class among them.",
        verdict="",
        tone="neutral",
    )
