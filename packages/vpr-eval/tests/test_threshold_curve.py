"""Precision and recall against counting at every threshold."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpr_eval import precision_recall


def counted(score, correct, total):
    points = []
    for threshold in sorted(set(score), reverse=True):
        accepted = [right for value, right in zip(score, correct, strict=True) if value >= threshold]
        points.append((threshold, sum(accepted) / len(accepted), sum(accepted) / total))
    return points


@settings(max_examples=400)
@given(st.lists(st.tuples(st.integers(-3, 3).map(float), st.booleans()), min_size=1, max_size=30), st.integers(0, 5))
def test_equals_counting(pairs, more):
    score, correct = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    total = max(1, sum(correct) + more)
    points = counted(score, correct, total)
    curve = precision_recall(np.array(score), np.array(correct), total=total)
    np.testing.assert_allclose(curve.threshold, [point[0] for point in points])
    np.testing.assert_allclose(curve.precision, [point[1] for point in points])
    np.testing.assert_allclose(curve.recall, [point[2] for point in points])
    perfect = max([recall for _, precision, recall in points if precision == 1.0], default=0.0)
    assert curve.recall_at_full_precision == pytest.approx(perfect)
    assert curve.extended_precision == pytest.approx((points[0][1] + perfect) / 2)
    area, steps, before, height = 0.0, 0.0, 0.0, points[0][1]
    for _, precision, recall in points:
        steps += (recall - before) * precision
        area += (recall - before) * (precision + height) / 2
        before, height = recall, precision
    assert curve.average_precision == pytest.approx(steps)
    assert curve.area == pytest.approx(area)


def test_by_hand():
    curve = precision_recall(np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, True, False, True]), total=4)
    assert curve.precision.tolist() == [1, 1, 2 / 3, 3 / 4]
    assert curve.recall.tolist() == [0.25, 0.5, 0.5, 0.75]
    assert curve.recall_at_full_precision == 0.5
    assert curve.extended_precision == 0.75
    assert curve.average_precision == 0.25 + 0.25 + 0.25 * 0.75


def test_all_wrong():
    curve = precision_recall(np.array([1.0, 2.0]), np.array([False, False]), total=2)
    assert (curve.average_precision, curve.area, curve.extended_precision) == (0, 0, 0)


@pytest.mark.parametrize(
    ("score", "correct", "total", "message"),
    [
        ([1.0, np.nan], [True, True], 2, "score: entry 1 is NaN"),
        ([], [], 1, "score: empty"),
        ([1.0], [True, False], 1, "score: shape (1,) beside correct of shape (2,)"),
        ([1.0], [1], 1, "correct: must be bool, got int64"),
        ([1.0, 2.0], [True, True], 1, "total: 1 is too small: 2 matches are right"),
        ([1.0], [False], 0, "total: 0 is too small"),
    ],
)
def test_messages(score, correct, total, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        precision_recall(np.array(score), np.array(correct, dtype=bool if not correct else None), total=total)
