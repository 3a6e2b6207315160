"""The page of `vpr eval`: worst failures first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from vpr_core import UsageError
from vpr_data import coordinates
from vpr_runner.evaluation.curve import curve_of, curve_summary
from vpr_runner.pages.shown import Accepted, Point, Shown, ShownAnswer, ShownQuery

if TYPE_CHECKING:
    from vpr_core.types import PlaceSplit
    from vpr_runner.evaluation.report import Report

__all__ = ["of_eval"]

ANSWERS = 5
MOST = 200
DRAWN = 300
"""Points of a curve of precision and recall."""


def of_eval(split: PlaceSplit, report: Report, *, run: str = "", most: int | None = MOST) -> Shown:
    """Return the page of an evaluation.

    Queries that have no right image and are left out of the recall are left out here too. Of more queries ``most`` are
    shown: three quarters are failures if there are so many, those farthest off; the rest are right ones, evenly drawn.

    Args:
        split: what was evaluated on.
        report: what was found, its answers included.
        run: the run file.
        most: queries; None: all.

    Raises:
        ValueError: the report was read from a file and has no answers.
    """
    if report.answers is None:
        raise ValueError("the report has no answers; a page is made where the evaluation is made")
    unit = str(getattr(split.protocol, "unit", "m"))
    metric = unit != "place"
    found, positives = report.answers, split.positives()
    asked, known = np.asarray(split.queries.xy, dtype=np.float64), np.asarray(split.database.xy, dtype=np.float64)
    degrees = coordinates(split.database) if metric else None
    taken = coordinates(split.queries) if metric else None
    counted = np.flatnonzero(report.evaluated)
    first = found.index[counted, 0]
    off = np.linalg.norm(known[np.maximum(first, 0)] - asked[counted], axis=1)
    wrong = report.first_hits[counted] != 1
    order = counted[np.lexsort((-off, ~wrong))]
    if most is not None and len(order) > most:
        failures, good = int(wrong.sum()), int((~wrong).sum())
        worst = min(failures, max(most * 3 // 4, most - good))
        rest = order[failures:]
        order = np.concatenate([order[:worst], rest[:: max(1, -(-len(rest) // (most - worst or 1)))][: most - worst]])
    queries = []
    for query in order.tolist():
        right = set(np.asarray(positives[query]).tolist())
        answers = []
        for rank, row in enumerate(found.index[query, :ANSWERS].tolist(), 1):
            if row < 0:
                continue
            answers.append(
                ShownAnswer(
                    rank=rank,
                    name=split.database.names[row],
                    file=split.database.path(row),
                    distance=float(found.distance[query, rank - 1]),
                    xy=_point(known, row) if metric else None,
                    degrees=None if degrees is None else _point(degrees, row),
                    metres=float(np.linalg.norm(known[row] - asked[query])) if metric else None,
                    right=row in right,
                )
            )
        queries.append(
            ShownQuery(
                name=split.queries.names[query],
                file=split.queries.path(query),
                answers=answers,
                xy=_point(asked, query) if metric else None,
                degrees=None if taken is None else _point(taken, query),
                right=bool(report.first_hits[query] == 1),
                failure=report.unreadable_queries.get(split.queries.names[query]),
            )
        )
    facts = [(f"recall@{n}", f"{100 * value:.1f} %") for n, value in list(report.recall.items())[:3]]
    facts += [("queries", f"{report.counted:,}"), ("database", f"{report.database:,}"), ("protocol", report.protocol)]
    if len(order) < report.counted:
        facts.append(("shown here", f"{len(order):,}"))
    return Shown(
        title=f"{report.split}: which photos were found",
        facts=facts,
        queries=queries,
        ground=known if metric else np.zeros((0, 2)),
        ground_degrees=degrees,
        unit={"m": "m", "frame": "frames"}.get(unit, unit),
        recall={n: (value, report.intervals.get(n)) for n, value in report.recall.items()},
        accepted=_accepted(report),
        run=run,
        provenance=report.provenance,
    )


def _accepted(report: Report) -> Accepted | None:
    """Return the curve of precision and recall, thinned to what can be seen."""
    try:
        found = curve_of(report)
    except UsageError:  # no first answer is right
        return None
    some = np.unique(np.linspace(0, len(found.recall) - 1, min(len(found.recall), DRAWN)).astype(np.int64))
    return Accepted(
        recall=found.recall[some].tolist(), precision=found.precision[some].tolist(), said=curve_summary(found)
    )


def _point(rows: npt.NDArray[np.float64], row: int) -> Point | None:
    pair = float(rows[row, 0]), float(rows[row, 1])
    return pair if np.isfinite(pair).all() else None
