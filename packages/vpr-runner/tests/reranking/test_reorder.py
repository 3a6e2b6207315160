"""The first answers in another order: what is cut, what is put back, and what a re-ranker may not do."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from vpr_core import PluginError
from vpr_eval import Neighbours
from vpr_runner.reranking.reorder import Reranking, first_of

SCORES = {10: 1.0, 11: 5.0, 12: 5.0, 13: 0.5, 14: 9.0}


class Local:
    """Scores a candidate by a table; sure at 9."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def score(self, query: Any, candidate: Any) -> float:
        self.asked.append(candidate)
        return SCORES[candidate]

    def enough(self, scores: list[float]) -> bool:
        return max(scores) >= 9


def made(built: Any, *, needs: str, first: int) -> Reranking:
    config = SimpleNamespace(type="stub", first=first)
    registry = SimpleNamespace(get=lambda *_: SimpleNamespace(needs=needs), build=lambda *_: built)
    return Reranking(config, registry)  # type: ignore[arg-type]


def found(*rows: list[int]) -> Neighbours:
    index = np.array(rows, dtype=np.int64)
    distance = np.where(index >= 0, np.arange(index.shape[1], dtype=np.float32) / 10, np.float32(np.inf))
    return Neighbours(distance.astype(np.float32), index)


def ask(reranking: Reranking, given: Neighbours, *, lost: frozenset[int] = frozenset()) -> Any:
    return reranking(
        given,
        queries=np.zeros((len(given.index), 2)),
        database=np.zeros((20, 2)),
        query_features=lambda rows: [None if -row - 1 in lost else row for row in rows],  # type: ignore[misc]
        database_features=lambda rows: [None if row in lost else row for row in rows],  # type: ignore[misc]
    )


def test_higher_scores_come_first_and_the_rest_stays_where_it_was() -> None:
    better = ask(made(Local(), needs="images", first=4), found([10, 12, 11, 13, 15, -1]))
    assert better.found.index.tolist() == [[12, 11, 10, 13, 15, -1]]  # equal scores as they came
    assert better.found.distance.tolist() == [[-5.0, -5.0, -1.0, -0.5, -0.5, np.inf]]
    assert better.scored == 4


def test_it_stops_when_one_is_sure() -> None:
    local = Local()
    better = ask(made(local, needs="images", first=5), found([10, 14, 11, 12, 13]))
    assert local.asked == [10, 14]
    assert better.found.index.tolist() == [[14, 10, 11, 12, 13]]
    assert better.found.distance.tolist() == [[-9.0, -1.0, -1.0, -1.0, -1.0]]


def test_time_for_local_features_is_told_apart() -> None:
    def slow(rows: list[int]) -> list[Any]:
        time.sleep(0.02)
        return list(rows)

    better = made(Local(), needs="images", first=3)(
        found([10, 11, 12], [13, 12, 10]),
        queries=np.zeros((2, 2)),
        database=np.zeros((20, 2)),
        query_features=slow,  # type: ignore[arg-type]
        database_features=slow,  # type: ignore[arg-type]
    )
    assert 40 <= better.looking <= better.milliseconds  # two calls a query
    plain = made(SimpleNamespace(reorder=lambda *_: found([2, 1, 0])), needs="descriptors", first=3)
    assert plain(found([0, 1, 2]), queries=np.zeros((1, 2)), database=np.zeros((3, 2))).looking is None


def test_rows_of_other_lengths_and_images_that_cannot_be_read() -> None:
    given = found([10, 11, 12], [-1, -1, -1], [13, -1, -1], [13, 12, 10])
    better = ask(made(Local(), needs="maps", first=3), given, lost=frozenset({11}))
    assert better.found.index.tolist() == [[12, 10, 11], [-1, -1, -1], [13, -1, -1], [12, 10, 13]]
    assert np.isinf(better.found.distance[1]).all()
    query = ask(made(Local(), needs="maps", first=3), found([10, 12, 11]), lost=frozenset({-1}))
    assert query.found.index.tolist() == [[10, 12, 11]]  # nothing to compare with: as the search found them


@pytest.mark.parametrize("wrong", [[0, 0, 2], [0, 1, 7]])
def test_a_reranker_that_drops_or_invents_answers_is_named(wrong: list[int]) -> None:
    built = SimpleNamespace(reorder=lambda *_: found(wrong))
    with pytest.raises(PluginError, match=r"re-ranker stub: other answers come out than went in"):
        made(built, needs="descriptors", first=3)(found([0, 1, 2]), queries=np.zeros((1, 2)), database=np.zeros((9, 2)))


def test_without_a_reranker_no_answers_are_wanted() -> None:
    assert first_of(None) == 0
