"""mAP against a plain restatement of the Oxford evaluation, and figures worked out by hand."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpr_eval import mean_average_precision


def oxford(ranking, positives, junk):
    """Walk down the ranking; trapezoids between the points of the precision-recall curve."""
    old_recall, old_precision, area, seen, right = 0.0, 1.0, 0.0, 0, 0
    for place in ranking:
        if place in junk or place < 0:
            continue
        seen += 1
        right += place in positives
        recall, precision = right / len(positives), right / seen
        area += (recall - old_recall) * (old_precision + precision) / 2
        old_recall, old_precision = recall, precision
    return area


def steps(ranking, positives, junk):
    kept = [place for place in ranking if place not in junk and place >= 0]
    ranks = [rank for rank, place in enumerate(kept, 1) if place in positives]
    return sum(number / rank for number, rank in enumerate(ranks, 1)) / len(positives)


@st.composite
def retrievals(draw):
    size = draw(st.integers(1, 15))
    queries = draw(st.integers(1, 5))
    depth = draw(st.integers(1, size))
    cases = []
    for _ in range(queries):
        ranking = draw(st.permutations(range(size)))[:depth]
        tail = draw(st.integers(0, depth))
        ranking[depth - tail :] = [-1] * tail if draw(st.booleans()) else ranking[depth - tail :]
        kinds = draw(st.lists(st.sampled_from(["good", "none", "junk"]), min_size=size, max_size=size))
        sets = [[place for place in range(size) if kinds[place] == kind] for kind in ("good", "junk")]
        cases.append((ranking, *sets))
    return [list(column) for column in zip(*cases, strict=True)]


@settings(max_examples=2000)
@given(retrievals().filter(lambda case: any(case[1])), st.sampled_from(["trapezoid", "step"]), st.booleans())
def test_equals_the_definition(case, rule, count):
    rankings, positives, junk = case
    expected = [
        {"trapezoid": oxford, "step": steps}[rule](*one) if one[1] else (0.0 if count else np.nan)
        for one in zip(rankings, positives, junk, strict=True)
    ]
    found = mean_average_precision(
        np.array(rankings), positives, junk=junk, rule=rule, without_positives="count" if count else "exclude"
    )
    np.testing.assert_allclose(found.per_query, expected, atol=1e-12)
    assert found.mean == pytest.approx(np.nanmean(expected), abs=1e-12)
    assert found.without_positives == sum(not row for row in positives)
    assert found.evaluated.sum() == len(positives) - (0 if count else found.without_positives)


def test_by_hand():
    # junk 7 is taken out: ranks 1 (right), 2 (wrong), 3 (right): 1/2 (1 + 1)/2 + 1/2 (1/2 + 2/3)/2
    found = mean_average_precision(np.array([[4, 7, 1, 2]]), [[4, 2]], junk=[[7]])
    assert found.mean == pytest.approx(0.5 + 0.5 * (1 / 2 + 2 / 3) / 2)
    assert mean_average_precision(np.array([[4, 7, 1, 2]]), [[4, 2]], junk=[[7]], rule="step").mean == pytest.approx(
        (1 + 2 / 3) / 2
    )


def test_the_query_itself_counts_unless_ignored():
    ranking = np.array([[3, 0, 5]])
    assert mean_average_precision(ranking, [[3, 5]]).mean == pytest.approx(0.5 + 0.5 * (1 / 2 + 2 / 3) / 2)
    ignored = mean_average_precision(ranking, [[5]], ignored=np.array([3]))
    assert ignored.mean == pytest.approx((0 + 1 / 2) / 2)
    assert mean_average_precision(ranking, [[5]], ignored=np.array([-1])).mean == pytest.approx((0 + 1 / 3) / 2)


@pytest.mark.parametrize(
    ("index", "positives", "options", "message"),
    [
        ([[1, 1]], [[1]], {}, "index: query 0 ranks image 1 more than once"),
        ([[0, 1]], [[1]], {"junk": [[1]]}, "positives: query 0 has image 1 both as positive and as junk or ignored"),
        ([[0, 1]], [[1]], {"ignored": np.array([1])}, "both as positive and as junk or ignored"),
        ([[0, 1]], [[1]], {"ignored": np.array([1, 2])}, "ignored: shape (2,) for 1 queries"),
        ([[0, 1]], [[1]], {"junk": []}, "junk: 0 rows for 1 queries"),
        ([[0, 1]], [[]], {}, "positives: none of the 1 queries has a positive"),
        ([[0, 1]], [[1]], {"rule": "area"}, "rule: 'area' is unknown"),
        ([[0, 1]], [[1]], {"without_positives": "skip"}, "without_positives: 'skip' is unknown"),
    ],
)
def test_messages(index, positives, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        mean_average_precision(np.array(index), positives, **options)
