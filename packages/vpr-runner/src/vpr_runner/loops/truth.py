"""What loops are worth, where positions are known."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vpr_core import UsageError
from vpr_eval import precision_recall, wilson_interval
from vpr_runner.loops.reading import text_of
from vpr_runner.loops.rules import LoopCandidate

__all__ = ["Judgement", "Truth", "judge", "read_truth"]

Float64Array = npt.NDArray[np.float64]
APART = 0.5
"""Seconds that a pose of a trajectory may be away from an image."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """Where each image was taken: float64 ``(N, d)``, NaN where nobody knows; ``within`` metres is one place."""

    points: Float64Array
    within: float

    def is_loop(self, query: int, match: int) -> bool:
        """Return whether two images show one place."""
        return bool(np.linalg.norm(self.points[query] - self.points[match]) <= self.within)

    def closes(self, times: Float64Array, *, exclude: float) -> npt.NDArray[np.bool_]:
        """Return which images ``(N,)`` lie within reach of one taken at least ``exclude`` seconds earlier."""
        found = np.zeros(len(times), dtype=bool)
        for row, time in enumerate(times):
            old = int(np.searchsorted(times[:row], time - exclude, side="right"))
            away = np.linalg.norm(self.points[:old] - self.points[row], axis=1)
            found[row] = bool((away <= self.within).any())
        return found


@dataclass(frozen=True, kw_only=True, eq=False)
class Judgement:
    """How good loops are.

    Attributes:
        images: that are at a place seen before, of those whose position is known.
        accepted: images with an accepted loop whose positions are known.
        right: of these.
        precision: ``right / accepted``, with its 95 % Wilson interval; None without any.
        recall: ``right / images``, likewise.
        at_full_precision: largest recall of a threshold on the distance that accepts no wrong loop, with the same
            consistency and without the threshold in use.
        average_precision: area under that curve.
        curve: ``distance, precision, recall`` of each threshold.
        ninety_nine: largest distance with a precision of 0.99 or more; None: there is none.
    """

    images: int
    accepted: int
    right: int
    precision: tuple[float, float, float] | None
    recall: tuple[float, float, float] | None
    at_full_precision: float
    average_precision: float
    curve: list[tuple[float, float, float]]
    ninety_nine: float | None

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values, without the curve."""
        return {name: value for name, value in vars(self).items() if name != "curve"}

    def __str__(self) -> str:
        lines = [f"of {self.images} images at a place seen before:"]
        for name, value, count, of in (
            ("precision", self.precision, self.right, self.accepted),
            ("recall", self.recall, self.right, self.images),
        ):
            if value is not None:
                low, high = 100 * value[1], 100 * value[2]
                lines.append(f"  {name:<9} {100 * value[0]:.1f} % ({count} of {of}; 95 %: {low:.1f} .. {high:.1f})")
        lines.append(
            f"  recall at 100 % precision {100 * self.at_full_precision:.1f} %, average precision "
            f"{100 * self.average_precision:.1f} %, over all thresholds"
        )
        if self.ninety_nine is not None:
            lines.append(f"  99 % of loops up to distance {self.ninety_nine:.4f} are right on this drive")
        return "\n".join(lines)


def judge(
    accepted: Sequence[LoopCandidate], every: Sequence[LoopCandidate], truth: Truth, closes: npt.NDArray[np.bool_]
) -> Judgement:
    """Return how good ``accepted`` loops are, one an image, and what other thresholds would give.

    Args:
        accepted: loops.
        every: what the same rules give without a threshold.
        truth: positions.
        closes: `Truth.closes`.
    """
    known = np.asarray(np.isfinite(truth.points).all(axis=1), dtype=bool)
    mine = [loop for loop in accepted if known[loop.query] and known[loop.match]]
    right = sum(truth.is_loop(loop.query, loop.match) for loop in mine)
    total = int(closes.sum())
    tried = [loop for loop in every if known[loop.query] and known[loop.match]]
    correct = np.array([truth.is_loop(loop.query, loop.match) for loop in tried], dtype=bool)
    curve: list[tuple[float, float, float]] = []
    best, area, limit = 0.0, 0.0, None
    if tried and total:
        distance = np.array([loop.distance for loop in tried])
        found = precision_recall(-distance, correct, total=max(total, int(correct.sum())))
        best, area = found.recall_at_full_precision, found.average_precision
        curve = list(zip((-found.threshold).tolist(), found.precision.tolist(), found.recall.tolist(), strict=True))
        good = [at for at, precision, _ in curve if precision >= 0.99]
        limit = max(good) if good else None
    return Judgement(
        images=total,
        accepted=len(mine),
        right=right,
        precision=_share(right, len(mine)),
        recall=_share(min(right, total), total),
        at_full_precision=best,
        average_precision=area,
        curve=curve,
        ninety_nine=limit,
    )


def _share(part: int, whole: int) -> tuple[float, float, float] | None:
    if not whole:
        return None
    interval = wilson_interval(part, whole)
    return part / whole, float(interval.low), float(interval.high)


def read_truth(file: Path, names: Sequence[str], times: Float64Array) -> Float64Array:
    """Return where the images were, ``(N, d)``, NaN where the file does not say.

    Args:
        file: CSV with the columns ``name, x, y`` (and ``z``), or a TUM trajectory (``time tx ty tz qx qy qz qw``),
            whose pose nearest in time counts, `APART` seconds away at most.
        names: of the images.
        times: of the images, seconds.

    Raises:
        UsageError: it is neither; names the line.
    """
    text = text_of(file, option="--truth")
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip() and line[0] != "#"]
    if lines and "," in lines[0][1]:
        return _of_csv(lines, file, names)
    return _of_tum(lines, file, times)


def _of_csv(lines: list[tuple[int, str]], file: Path, names: Sequence[str]) -> Float64Array:
    reader = csv.DictReader(io.StringIO("\n".join(line for _, line in lines)))
    fields = {field.strip().lower(): field for field in reader.fieldnames or ()}
    if not {"name", "x", "y"} <= fields.keys():
        raise UsageError(f"--truth: {file} has the columns {', '.join(fields)}; name, x and y are wanted")
    axes = [axis for axis in ("x", "y", "z") if axis in fields]
    known = {}
    for (number, _), row in zip(lines[1:], reader, strict=False):
        try:
            known[(row[fields["name"]] or "").strip()] = [float(row[fields[axis]] or "nan") for axis in axes]
        except ValueError as error:
            raise UsageError(f"--truth: {file}, line {number}: {error}") from error
    found = np.array([known.get(name, [np.nan] * len(axes)) for name in names], dtype=np.float64)
    if not np.isfinite(found).any():
        raise UsageError(f"--truth: {file} names none of the {len(names)} images, such as {names[0]!r}")
    return found.reshape(len(names), len(axes))


def _of_tum(lines: list[tuple[int, str]], file: Path, times: Float64Array) -> Float64Array:
    rows = []
    for number, line in lines:
        words = line.split()
        try:
            if len(words) not in (4, 8):
                raise ValueError("expected time tx ty tz qx qy qz qw")
            rows.append([float(word) for word in words[:4]])
        except ValueError as error:
            raise UsageError(f"--truth: {file}, line {number}: {error}") from error
    if not rows:
        raise UsageError(f"--truth: {file} is empty")
    poses = np.array(sorted(rows), dtype=np.float64)
    after = np.clip(np.searchsorted(poses[:, 0], times), 1, max(1, len(poses) - 1))
    before = after - 1 if len(poses) > 1 else np.zeros_like(after)
    after = np.minimum(after, len(poses) - 1)
    nearest = np.where(np.abs(poses[before, 0] - times) <= np.abs(poses[after, 0] - times), before, after)
    found = poses[nearest, 1:].copy()
    found[np.abs(poses[nearest, 0] - times) > APART] = np.nan
    if not np.isfinite(found).any():
        raise UsageError(
            f"--truth: {file} runs from {poses[0, 0]:g} to {poses[-1, 0]:g} s, the images from {times.min():g} to "
            f"{times.max():g} s; they have no time in common"
        )
    return found
