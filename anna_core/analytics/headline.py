"""The launch in two sentences that a banker understands."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from anna_core.analytics.content import ReportContent
from anna_core.analytics.formatting import format_interval, format_lead, format_value
from anna_core.analytics.legend import model_titles
from anna_core.columns.shares import percent

Tone = Literal["good", "neutral", "bad"]

_MEANINGS = {
    "roc_auc": "Of a client with the target and one without, the first scores higher in {share} of cases.",
    "gini": "0 is chance and 1 a perfect order of the clients.",
    "pr_auc": "Mean share of targets among the clients picked, over all cut-offs.",
    "ks": "The largest gap between the share of targets and the share of others that a cut-off picks.",
    "brier": "Mean squared distance of the probability from what happened; 0 is perfect.",
    "f1": "Balance of how many of the picked clients have the target and how many with it are picked; 1 is perfect.",
    "lift_at_1pct": "The target is {value:.1f} times as common among the 1% with the highest scores as among all.",
    "lift_at_5pct": "The target is {value:.1f} times as common among the 5% with the highest scores as among all.",
    "lift_at_10pct": "The target is {value:.1f} times as common among the 10% with the highest scores as among all.",
    "precision_at_1pct": "Of the 1% of clients with the highest scores, {share} have the target.",
    "precision_at_5pct": "Of the 5% of clients with the highest scores, {share} have the target.",
    "precision_at_10pct": "Of the 10% of clients with the highest scores, {share} have the target.",
    "recall_at_1pct": "The 1% of clients with the highest scores hold {share} of those with the target.",
    "recall_at_5pct": "The 5% of clients with the highest scores hold {share} of those with the target.",
    "recall_at_10pct": "The 10% of clients with the highest scores hold {share} of those with the target.",
    "macro_roc_auc": "Of a client of a class and one of another, the first scores higher in {share} of cases.",
    "accuracy": "The likeliest class is the true one for {share} of the clients.",
    "balanced_accuracy": "The likeliest class is the true one for {share} of a class's clients, classes alike.",
    "macro_f1": "How well the clients told to be of a class and those of it agree, classes alike; 1 is perfect.",
    "mean_roc_auc": "Of a client with a label and one without, the first scores higher in {share} of cases.",
    "mean_pr_auc": "Mean share of true labels among the clients picked, over all cut-offs and labels.",
    "mean_f1": "How well the clients picked for a label and those with it agree, on average; 1 is perfect.",
    "log_loss": "How surprising the truth is under the predicted probabilities; 0 is perfect.",
    "r2": "The share of the differences between clients that the model explains.",
    "r2_log1p": "The share of the differences between clients, on a logarithmic scale, that the model explains.",
    "rmse": "The typical error in the target's units, large errors counting more.",
    "mae": "The typical error in the target's units.",
    "mape": "The typical error is {share} of the true value.",
    "spearman": "How well the order of the predictions follows the order of the truth; 1 is perfect.",
}


@dataclass(frozen=True)
class Headline:
    """What a report says first.

    Attributes:
        model: title of the model that clients are scored by.
        metric: title of the metric.
        value: the metric, in text.
        interval: its 95% interval in text; empty where not defined, or the held-out cases are too few for one.
        in_brief: the metric and its value, in a few words.
        sentence: the result and those of boosting and of a constant.
        meaning: what the metric says of clients.
        verdict: the metamodel against a constant, if it is no better or that cannot be said, else against boosting, in
            words; empty where there is nothing to compare.
        tone: whether that is good news.
    """

    model: str
    metric: str
    value: str
    interval: str
    in_brief: str
    sentence: str
    meaning: str
    verdict: str
    tone: Tone


def headline(content: ReportContent) -> Headline:
    """Sum up the leaderboard."""
    subject, metric = content.subject, content.metric
    if subject is None or np.isnan(subject.value):
        return _undefined(content)
    titles = model_titles(content)
    name, value = titles[subject.kind, subject.model], format_value(subject.value)
    interval = format_interval(subject.low, subject.high)
    gini = f"(Gini {format_value(2 * subject.value - 1)})" if metric.name == "roc_auc" else ""
    others = [
        f"{titles[row.kind, row.model][0].lower()}{titles[row.kind, row.model][1:]} {format_value(row.value)}"
        for row in (content.best_of("boosting"), content.best_of("constant"))
        if row is not None and row != subject
    ]
    sentence = " ".join(filter(None, [f"{name}: {metric.title}", value, interval, gini]))
    sentence += f" on {subject.rows:,} held-out rows"
    verdict, tone = _verdict(content)
    return Headline(
        model=name,
        metric=metric.title,
        value=value,
        interval=interval,
        in_brief=f"{metric.name} {value} on {subject.rows:,} held-out rows",
        sentence="; ".join([sentence, ", ".join(others)] if others else [sentence]) + ".",
        meaning=_MEANINGS[metric.name].format(value=subject.value, share=percent(subject.value)),
        verdict=verdict,
        tone=tone,
    )


def _verdict(content: ReportContent) -> tuple[str, Tone]:
    if content.usefulness is not None and not content.usefulness.proven:
        return str(content.usefulness), "neutral" if content.usefulness.proven is None else "bad"
    boosting = content.best_of("boosting")
    if boosting is None or boosting.lead is None:
        return "", "neutral"
    if boosting.lead == (0, 0, 0):
        return f"The metamodel and boosting on aggregates have the same {content.metric.title}", "neutral"
    span = format_lead(boosting.lead)
    if boosting.lead.low > 0:
        return f"The metamodel beats boosting on aggregates: {span}", "good"
    if boosting.lead.high < 0:
        return f"The metamodel falls short of boosting on aggregates: {span}", "bad"
    return f"The metamodel and boosting on aggregates cannot be told apart on these rows: {span}", "neutral"


def _undefined(content: ReportContent) -> Headline:
    rows = len(content.held_out)
    reason = "no rows were held out" if not rows else f"the {rows:,} held-out rows do not allow it"
    return Headline(
        model="No model can be ranked",
        metric=content.metric.title,
        value="Not defined",
        interval="",
        in_brief=f"{content.metric.name} is not defined on {rows:,} held-out rows",
        sentence=f"{content.metric.title} is not defined: {reason} (one class only, a constant target, or none).",
        meaning="Bring a sample whose held-out part has more rows, with every class among them.",
        verdict="",
        tone="neutral",
    )
