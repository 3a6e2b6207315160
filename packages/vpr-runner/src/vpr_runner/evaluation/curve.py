"""Precision and recall of first answers by their distance: when is an answer to be believed?"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from vpr_core import UsageError
from vpr_eval import PrecisionRecall, precision_recall
from vpr_runner.files.atomic import write_bytes

if TYPE_CHECKING:
    from vpr_runner.evaluation.report import Report

__all__ = ["curve_of", "curve_summary", "draw_curve"]


def curve_of(report: Report) -> PrecisionRecall:
    """Return the curve of accepting each query's first answer up to a distance.

    Recall is of the counted queries, those without a right image included where the protocol counts them.

    Raises:
        UsageError: the report has no answers, or none of them is right.
    """
    if report.answers is None:
        raise UsageError("--curve: this report has no answers")
    asked = report.evaluated & (report.answers.index[:, 0] >= 0)
    right = report.first_hits[asked] == 1
    if not right.any():
        raise UsageError("--curve: no first answer is right, so there is no curve to draw")
    return precision_recall(-report.answers.distance[asked, 0], right, total=int(report.evaluated.sum()))


def curve_summary(curve: PrecisionRecall) -> str:
    """Return the numbers of a curve in one line."""
    return (
        f"first answers by distance: average precision {100 * curve.average_precision:.2f}, "
        f"area {100 * curve.area:.2f}, recall at 100 % precision {100 * curve.recall_at_full_precision:.2f}"
    )


def draw_curve(curve: PrecisionRecall, file: Path, *, title: str) -> None:
    """Draw the curve as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot(100 * curve.recall, 100 * curve.precision, drawstyle="steps-post")
    axes.set(xlabel="recall, %", ylabel="precision, %", xlim=(0, 100), ylim=(0, 102), title=title)
    axes.text(2, 4, curve_summary(curve).replace(": ", "\n").replace(", ", "\n"), fontsize=8)
    axes.grid(alpha=0.3)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120)
    write_bytes(file, content.getvalue())
