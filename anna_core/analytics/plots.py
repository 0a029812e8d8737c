"""The plots of a launch, which depend on its type of task."""

from anna_core.analytics import launch_plots, ranking_plots, regression_plots, score_plots
from anna_core.analytics.confusion_plot import confusion_matrix
from anna_core.analytics.content import ReportContent
from anna_core.analytics.theme import Plot
from anna_core.tasks.task import TaskType


def report_figures(content: ReportContent) -> dict[str, Plot]:
    """Draw every plot of a launch, by name; a plot that the held-out rows do not allow says so.

    `leaderboard`, `learning` and `coverage` are always there. Beside them, binary tasks have `roc`,
    `precision_recall`, `deciles`, `calibration`, `scores` and `ks`, multiclass ones `roc` and `confusion`, multilabel
    ones `roc` and `labels`, regressions `predicted_actual` and `residuals`.
    """
    plots = [launch_plots.leaderboard_plot(content)]
    if content.subject is not None:
        plots += quality_plots(content)
    plots += [launch_plots.learning_curves(content), launch_plots.coverage_plot(content)]
    return {plot.name: plot for plot in plots}


def quality_plots(content: ReportContent) -> list[Plot]:
    """The plots of the models' quality on the held-out rows; there must be a model."""
    match content.task.type:
        case TaskType.BINARY:
            return [
                ranking_plots.roc_by_model(content),
                ranking_plots.pr_by_model(content),
                score_plots.deciles(content),
                score_plots.calibration(content),
                score_plots.score_histogram(content),
                score_plots.ks_plot(content),
            ]
        case TaskType.MULTICLASS:
            return [ranking_plots.roc_by_output(content), confusion_matrix(content)]
        case TaskType.MULTILABEL:
            return [ranking_plots.roc_by_output(content), ranking_plots.auc_by_label(content)]
        case _:
            return [
                regression_plots.predicted_and_actual(content),
                regression_plots.residuals(content),
            ]
