from __future__ import annotations

import numpy as np
import pytest

from vpr_core import UsageError
from vpr_runner.pairs import choose
from vpr_runner.pairs.choose import ImagePairs, Rules, Side, choose_pairs


def side(rows: np.ndarray, points: np.ndarray | None = None, prefix: str = "m") -> Side:
    return Side(names=[f"{prefix}{n}" for n in range(len(rows))], rows=rows, points=points)


def naive(queries: np.ndarray, database: np.ndarray | None, rules: Rules, points=None) -> list[tuple[int, int]]:
    """The definition in float64, one pair at a time."""
    own = database is None
    other = queries if own else database
    found, seen = [], set()
    for i, query in enumerate(queries.astype(np.float64)):
        scored = []
        for j, row in enumerate(other.astype(np.float64)):
            score = query @ row / (np.linalg.norm(query) * np.linalg.norm(row))
            if not np.isfinite(score) or (own and abs(i - j) < max(1, rules.gap)):
                continue
            if rules.score is not None and score < rules.score:
                continue
            if rules.radius is not None and not np.linalg.norm(points[i] - points[j]) <= rules.radius:
                continue
            scored.append((-score, j))
        for _, j in sorted(scored)[: rules.matched]:
            pair = (min(i, j), max(i, j)) if own else (i, j)
            if pair not in seen:
                seen.add(pair)
                found.append((i, j))
    return found


def positions(pairs: ImagePairs) -> list[tuple[int, int]]:
    return [(int(a[1:]), int(b[1:])) for a, b in zip(pairs.first, pairs.second, strict=True)]


@pytest.mark.parametrize(
    "rules",
    [
        Rules(matched=3),
        Rules(matched=100),
        Rules(matched=4, score=0.1),
        Rules(matched=2, gap=5),
        Rules(matched=3, radius=4.0),
    ],
)
@pytest.mark.parametrize("block", [1, 1 << 24])
def test_pairs_are_those_of_the_definition(rules: Rules, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "BLOCK_NUMBERS", block)
    generator = np.random.default_rng(3)
    rows = generator.standard_normal((31, 7)).astype(np.float32)
    rows[4] = np.nan  # could not be read
    points = generator.uniform(0, 10, (31, 2))
    points[9] = np.nan  # nobody knows where
    found = choose_pairs(side(rows, points), None, rules)
    assert positions(found) == naive(rows, None, rules, points)
    assert len(found.score) == len(found)
    assert not [name for name in (*found.first, *found.second) if name == "m4"]
    asked = generator.standard_normal((5, 7)).astype(np.float32)
    if rules.radius is None:
        between = choose_pairs(side(asked, prefix="q"), side(rows), rules)
        assert positions(between) == naive(asked, rows, rules)
        assert all(name.startswith("q") for name in between.first)


def test_equal_scores_are_taken_in_the_order_of_the_database() -> None:
    rows = np.ones((6, 3), dtype=np.float32)
    found = choose_pairs(side(np.ones((1, 3), dtype=np.float32), prefix="q"), side(rows), Rules(matched=4))
    assert found.second == ("m0", "m1", "m2", "m3")


def test_what_cannot_be_paired_is_said() -> None:
    rows = np.ones((3, 4), dtype=np.float32)
    with pytest.raises(UsageError, match="descriptors of 4 and of 5 numbers"):
        choose_pairs(side(rows), side(np.ones((3, 5), dtype=np.float32)), Rules())
    with pytest.raises(UsageError, match="--radius: the positions of the images are not known"):
        choose_pairs(side(rows), None, Rules(radius=3))
    assert len(choose_pairs(side(np.full((2, 3), np.nan, dtype=np.float32)), None, Rules())) == 0
