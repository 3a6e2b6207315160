"""Intervals and paired tests: known answers, coverage, exact enumeration."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest

from vpr_eval import bootstrap_interval, mcnemar, paired_test, wilson_interval


@pytest.fixture(name="stats")
def scipy_stats():
    return pytest.importorskip("scipy.stats", reason="scipy is an oracle of these tests, not a dependency of vpr-eval")


def test_bootstrap_is_seeded():
    values = np.random.default_rng(0).random(200)
    assert bootstrap_interval(values, seed=3) == bootstrap_interval(values, seed=3)
    assert bootstrap_interval(values, seed=3) != bootstrap_interval(values, seed=4)


@pytest.mark.parametrize(
    "values", [np.arange(300) % 3 == 0, np.random.default_rng(1).normal(5, 2, 300)], ids=["hits", "any"]
)
def test_bootstrap_of_a_mean_is_that_of_the_central_limit(values):
    interval = bootstrap_interval(values, samples=20_000)
    mean, error = np.mean(values), np.std(values) / len(values) ** 0.5
    assert interval.estimate == pytest.approx(mean)
    assert interval.low == pytest.approx(mean - 1.96 * error, abs=0.1 * error)
    assert interval.high == pytest.approx(mean + 1.96 * error, abs=0.1 * error)


def test_bootstrap_covers_the_truth_as_often_as_it_says(stats):
    rng = np.random.default_rng(7)
    inside = 0
    for trial in range(400):
        interval = bootstrap_interval(rng.random(150) < 0.7, level=0.9, samples=400, seed=trial)
        inside += interval.low <= 0.7 <= interval.high
    assert stats.binom.cdf(inside, 400, 0.9) > 1e-4
    assert stats.binom.sf(inside, 400, 0.93) > 1e-4


def test_few_and_many_distinct_values_draw_from_the_same_distribution():
    hits = np.repeat([0.0, 1.0], [30, 70])
    nudged = hits + 1e-9 * np.arange(100)
    one, two = bootstrap_interval(hits, samples=50_000), bootstrap_interval(nudged, samples=50_000)
    assert one.low == pytest.approx(two.low, abs=0.011)
    assert one.high == pytest.approx(two.high, abs=0.011)


def test_all_right_has_no_width_but_wilson_has():
    assert (bootstrap_interval(np.ones(20)).low, bootstrap_interval(np.ones(20)).high) == (1.0, 1.0)
    assert wilson_interval(20, 20).low < 0.9
    assert wilson_interval(20, 20).high == 1.0
    assert wilson_interval(0, 20).low == 0.0


@pytest.mark.parametrize(("hits", "queries", "level"), [(3, 10, 0.95), (50, 111, 0.9), (1, 2, 0.5), (7000, 8280, 0.99)])
def test_wilson_is_scipys(hits, queries, level, stats):
    ours = wilson_interval(hits, queries, level=level)
    theirs = stats.binomtest(hits, queries).proportion_ci(level, method="wilson")
    assert (ours.low, ours.high) == (pytest.approx(theirs.low), pytest.approx(theirs.high))


@pytest.mark.parametrize(("b", "c"), [(0, 0), (1, 0), (3, 3), (10, 2), (2, 10), (400, 700), (3000, 3200), (5000, 2000)])
def test_mcnemar_is_the_exact_binomial_test(b, c, stats):
    expected = stats.binomtest(b, b + c).pvalue if b + c else 1.0
    assert mcnemar(b, c) == pytest.approx(expected, rel=1e-9)


def test_hits_are_compared_by_mcnemar():
    first = np.array([1, 1, 1, 1, 1, 0, 0, 1], dtype=bool)
    second = np.array([0, 0, 0, 0, 0, 0, 1, 1], dtype=bool)
    outcome = paired_test(first, second)
    assert (outcome.method, outcome.first_better, outcome.second_better) == ("mcnemar", 5, 1)
    assert outcome.p_value == mcnemar(5, 1)
    assert outcome.difference == pytest.approx(4 / 8)
    assert outcome.low <= outcome.difference <= outcome.high
    swapped = paired_test(second, first)
    assert (swapped.difference, swapped.p_value) == (-outcome.difference, outcome.p_value)


def test_sign_flips_approach_the_exact_permutation_test():
    rng = np.random.default_rng(2)
    first, second = rng.random(12), rng.random(12) - 0.2
    difference = first - second
    sums = [abs(np.dot(signs, difference)) for signs in itertools.product([-1, 1], repeat=12)]
    exact = np.mean(np.array(sums) >= abs(difference.sum()) - 1e-9)
    outcome = paired_test(first, second, samples=40_000)
    assert outcome.method == "sign_flips"
    assert outcome.p_value == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 40_000))


def test_sign_flips_on_hits_over_seeds_are_uniform_under_no_difference(stats):
    rng = np.random.default_rng(5)
    small = 0
    for trial in range(300):
        first, second = rng.integers(0, 4, (2, 60)) / 3
        small += paired_test(first, second, samples=200, seed=trial).p_value <= 0.1
    assert stats.binom.cdf(small, 300, 0.1) > 1e-4
    assert stats.binom.sf(small - 1, 300, 0.1) > 1e-4


def test_no_difference_at_all():
    same = np.array([0.5, 0.25, 1.0])
    outcome = paired_test(same, same)
    assert (outcome.difference, outcome.p_value, outcome.low, outcome.high) == (0, 1, 0, 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bootstrap_interval(np.array([])), "values: must be one number for each query"),
        (lambda: bootstrap_interval(np.ones((2, 2))), "values: must be one number for each query, (n,)"),
        (lambda: bootstrap_interval(np.array([1, np.nan])), "values: entry 1 is not finite"),
        (lambda: bootstrap_interval(np.ones(3), level=95), "level: must be between 0 and 1, got 95"),
        (lambda: bootstrap_interval(np.ones(3), samples=0), "samples: must be at least 1"),
        (lambda: wilson_interval(3, 2), "hits: 3 of 2 queries"),
        (lambda: wilson_interval(0, 0), "hits: 0 of 0 queries"),
        (lambda: paired_test(np.ones(3), np.ones(4)), "first: 3 queries beside 4 of second"),
        (lambda: paired_test(np.ones(3), np.ones(3), level=1), "level: must be between 0 and 1"),
        (lambda: mcnemar(-1, 2), "first_only, second_only: must be at least 0"),
    ],
)
def test_messages(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
