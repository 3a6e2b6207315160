"""Loops online: against the definition in plain loops of float64, in bounded memory, alike online and offline."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vpr_runner.loops import LoopDetector, LoopRules
from vpr_runner.loops.memory import Memory
from vpr_runner.loops.offline import find_loops


def drive(*, laps: int = 3, steps: int = 40, dim: int = 12, noise: float = 0.25) -> np.ndarray:
    """Descriptors of a round that is driven several times."""
    generator = np.random.default_rng(5)
    places = generator.normal(size=(steps, dim))
    rows = np.tile(places, (laps, 1)) + noise * generator.normal(size=(laps * steps, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def by_definition(rows: np.ndarray, times: np.ndarray, rules: LoopRules) -> list[tuple[int, int, int]]:
    """(query, match, support) of every accepted loop."""
    found = []
    candidates: list[list[tuple[float, int]]] = []
    for t in range(len(rows)):
        near = [
            (math.dist(rows[t].astype(np.float64), rows[j].astype(np.float64)), j)
            for j in range(t)
            if times[j] <= times[t] - rules.exclude
        ]
        near = sorted(near)[: rules.candidates]
        candidates.append([(d, j) for d, j in near if rules.distance is None or d <= rules.distance])
        given = 0
        for _, match in candidates[t]:
            support = 0
            for s in range(max(0, t - rules.window + 1), t + 1):
                reach = rules.pace * (times[t] - times[s])
                support += any(abs(times[j] - times[match]) <= reach + 1e-9 for _, j in candidates[s])
            if support >= rules.support and given < rules.answers:
                found.append((t, match, support))
                given += 1
    return found


@pytest.mark.parametrize(
    "rules",
    [
        LoopRules(exclude=5, distance=0.6),
        LoopRules(exclude=5, window=1, support=1),
        LoopRules(exclude=7.5, distance=0.9, window=4, support=4, pace=1.2, answers=3),
        LoopRules(exclude=0, distance=0.5, window=3, support=2),
        LoopRules(exclude=1e6),
    ],
)
def test_loops_are_those_of_the_definition(rules: LoopRules) -> None:
    rows = drive()
    times = np.cumsum(np.random.default_rng(1).uniform(0.2, 0.8, len(rows)))
    detector = LoopDetector(rules=rules)
    found = [loop for row, time in zip(rows, times, strict=True) for loop in detector.add_row(row, time)]
    assert [(loop.query, loop.match, loop.support) for loop in found] == by_definition(rows, times, rules)
    whole = find_loops(rows, times, rules, capacity=1000)
    assert list(whole.loops) == found


def test_the_second_lap_is_found_and_the_first_is_not() -> None:
    rows, times = drive(laps=2), np.arange(80) * 0.5
    found = find_loops(rows, times, LoopRules(exclude=10, distance=0.7), capacity=1000).loops
    assert all(loop.query - loop.match == 40 for loop in found)
    assert {loop.query for loop in found} >= set(range(44, 80))
    assert found[0].query_time == times[found[0].query]


def test_one_alike_image_closes_no_loop_and_a_place_passed_backwards_does() -> None:
    rows, times = drive(laps=1, steps=60, noise=0), np.arange(60) * 0.5
    rows[50] = rows[10]
    assert not find_loops(rows, times, LoopRules(exclude=10, distance=0.3), capacity=100).loops
    back = np.concatenate([rows[:40], rows[39::-1]])
    found = find_loops(back, np.arange(80) * 0.5, LoopRules(exclude=10, distance=0.3), capacity=100).loops
    assert {(loop.query, loop.match) for loop in found} >= {(79, 0), (70, 9)}


def test_memory_is_bounded_and_still_covers_the_whole_drive() -> None:
    memory = Memory(capacity=16)
    rows = drive(laps=1, steps=1000)
    for number, row in enumerate(rows):
        memory.keep(row, number=number, time=number / 2)
        assert len(memory) <= 16
    assert memory.stride == 64
    assert memory.bytes <= 16 * (12 * 4 + 8 + 8)
    numbers, _, _ = memory.nearest(rows[0], before=1e9, count=16)
    assert sorted(numbers.tolist()) == list(range(0, 1000, 64))
    assert memory.coarseness == 32


def test_loops_are_found_with_little_memory() -> None:
    generator = np.random.default_rng(2)
    walk = np.cumsum(generator.normal(size=(200, 24)), axis=0)  # neighbours look alike
    rows = np.concatenate([walk, walk]).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    whole = find_loops(rows, np.arange(400.0), LoopRules(exclude=60, distance=0.5), capacity=50)
    assert whole.kept[0] <= 50
    late = [loop for loop in whole.loops if loop.query >= 220]
    assert len(late) > 100
    assert np.median([abs(loop.query - 200 - loop.match) for loop in late]) <= 8


def test_an_unreadable_image_is_no_candidate() -> None:
    rows, times = drive(laps=2), np.arange(80) * 0.5
    rows[5] = np.nan
    rows[60] = np.nan
    found = find_loops(rows, times, LoopRules(exclude=10, distance=0.7), capacity=1000).loops
    assert found
    assert not [loop for loop in found if 60 in (loop.query, loop.match) or 5 in (loop.query, loop.match)]


def test_what_is_no_drive_is_refused() -> None:
    detector = LoopDetector()
    detector.add_row(np.array([1.0, 0]), 3.0)
    for row, time, said in (
        (np.array([1.0, 0]), 2.9, "time runs backwards: 2.9 s after 3 s"),
        (np.array([1.0, 0, 0]), 4.0, "3 numbers after some of 2"),
        (np.array([1.0, np.nan]), 4.0, "finite vector"),
        (np.ones((1, 2)), 4.0, r"got shape \(1, 2\)"),
        (np.array([1.0, 0]), np.nan, "finite seconds"),
    ):
        with pytest.raises(ValueError, match=said):
            detector.add_row(row, time)
    with pytest.raises(ValueError, match=r"LoopDetector\.open"):
        detector.add("a.jpg", 4.0)
    assert detector.count == 1
    assert detector.latency is not None
    for bad, said in (
        ({"exclude": -1}, "exclude must be at least 0"),
        ({"support": 6}, r"support must lie in 1\.\.window, got 6 of 5"),
        ({"distance": 3.0}, r"distance must lie in 0\.\.2"),
        ({"answers": 9}, r"answers must lie in 1\.\.candidates"),
    ):
        with pytest.raises(ValueError, match=said):
            LoopRules(**bad)  # type: ignore[arg-type]
