"""The re-ranker contract passes sound components of each sort and catches each fault."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from pydantic import Field

from vpr_core import RerankerConfig, RerankerSpec
from vpr_core.testing import RerankerContract, Trial, breaches
from vpr_core.testing.answers import Answers


class Config(RerankerConfig):
    type: Literal["plain"] = "plain"
    weight: float = Field(default=0.5, ge=0, le=1, description="Weight of the first answer.")


class Expansion:
    """A sound re-ranker: the query moved towards its first answer."""

    def __init__(self, weight: float = 0.5) -> None:
        self.weight = weight

    def reorder(self, queries: Any, database: Any, neighbours: Any) -> Any:
        self.check(queries, database, neighbours)
        cost = self.cost(queries, database, neighbours)
        return self.ordered(cost, neighbours)

    def check(self, queries: Any, database: Any, neighbours: Any) -> None:
        index = neighbours.index
        if queries.shape[1] != database.shape[1] or len(index) != len(queries):
            raise ValueError("queries, database and answers must belong together")
        if not np.isfinite(queries).all() or (len(index) and not 0 <= index.min() <= index.max() < len(database)):
            raise ValueError("queries must be finite, answers rows of the database")

    def cost(self, queries: Any, database: Any, neighbours: Any) -> Any:
        rows = database[neighbours.index].astype(np.float64)
        moved = queries + self.weight * rows[:, 0]
        return np.round(((moved[:, None] - rows) ** 2).sum(axis=2), 5)

    def ordered(self, cost: Any, neighbours: Any) -> Any:
        order = np.argsort(cost, axis=1, kind="stable")
        return Answers(np.take_along_axis(cost, order, axis=1), np.take_along_axis(neighbours.index, order, axis=1))


def spec_of(reranker: Any, needs: Any = "descriptors") -> RerankerSpec[Any]:
    return RerankerSpec(
        name="plain", config=Config, build=lambda config: reranker(config.weight), summary="A plain one.", needs=needs
    )


class Drops(Expansion):
    """Loses the last answer and repeats the one before."""

    def ordered(self, cost: Any, neighbours: Any) -> Any:
        found = super().ordered(cost, neighbours)
        found.index[:, -1:] = found.index[:, -2:-1]
        return found


class Invents(Expansion):
    """Puts a row of the database in that was no answer."""

    def ordered(self, cost: Any, neighbours: Any) -> Any:
        found = super().ordered(cost, neighbours)
        for row in found.index[:, : min(20, found.index.shape[1])]:
            row[-1] = next(number for number in range(10**6) if number not in row)
        return found


class ByPosition(Expansion):
    """Breaks ties as an index does, by position, and not as the answers came."""

    def ordered(self, cost: Any, neighbours: Any) -> Any:
        order = np.lexsort((neighbours.index, cost), axis=1)
        return Answers(np.take_along_axis(cost, order, axis=1), np.take_along_axis(neighbours.index, order, axis=1))


class Unstable(Expansion):
    """Ends with the last of equals first."""

    def ordered(self, cost: Any, neighbours: Any) -> Any:
        order = np.argsort(cost[:, ::-1], axis=1, kind="stable")
        order = cost.shape[1] - 1 - order
        return Answers(np.take_along_axis(cost, order, axis=1), np.take_along_axis(neighbours.index, order, axis=1))


class OldDistances(Expansion):
    """Leaves the distances of the search beside the new order."""

    def ordered(self, cost: Any, neighbours: Any) -> Any:
        order = np.argsort(cost, axis=1, kind="stable")
        old = np.take_along_axis(neighbours.distance, order, axis=1)
        return Answers(old, np.take_along_axis(neighbours.index, order, axis=1))


class Batch(Expansion):
    """Scales by the whole batch."""

    def cost(self, queries: Any, database: Any, neighbours: Any) -> Any:
        cost = super().cost(queries, database, neighbours)
        return cost / cost.max(initial=1e-9)


class Unchecked(Expansion):
    def check(self, queries: Any, database: Any, neighbours: Any) -> None:
        pass


class Fixed(Expansion):
    def __init__(self, weight: float = 0.5) -> None:
        super().__init__(0.5)


class Nothing:
    def __init__(self, weight: float) -> None:
        pass


def test_a_sound_descriptor_reranker_keeps_the_contract() -> None:
    assert breaches(RerankerContract, spec_of(Expansion)) == {}


BROKEN: dict[type, dict[str, str]] = {
    Drops: {"test_answers_are_the_same_in_another_order": "returns a position twice"},
    Invents: {"test_answers_are_the_same_in_another_order": "drop nothing and add nothing"},
    ByPosition: {"test_ties_keep_their_order": "in the order in which they came, not by position"},
    Unstable: {"test_ties_keep_their_order": "sort stably"},
    OldDistances: {"test_answers_are_the_same_in_another_order": "answers are not best first"},
    Batch: {"test_queries_are_independent": "distances differ"},
    Unchecked: {"test_bad_input_refused": "reorder takes"},
    Fixed: {"test_descriptor_fields_matter": "the field 'weight' changes nothing"},
    Nothing: {"test_needs_are_declared": "build returns an object without ['reorder']"},
}


@pytest.mark.parametrize(("reranker", "expected"), BROKEN.items(), ids=[item.__name__ for item in BROKEN])
def test_a_fault_of_a_descriptor_reranker_is_caught(reranker: Any, expected: dict[str, str]) -> None:
    found = breaches(RerankerContract, spec_of(reranker))
    assert expected.keys() <= found.keys(), found
    for test, said in expected.items():
        assert found[test].startswith("reranker 'plain': ")
        assert said in found[test]
    if reranker in (ByPosition, Unstable, Batch, Fixed):
        assert set(found) == set(expected)


# --- local evidence ---------------------------------------------------------------------------------------------------


class Local:
    """A sound re-ranker: the best offset of two grey images, or two maps, within a few steps."""

    def __init__(self, weight: float = 0.5) -> None:
        self.weight = weight

    def features(self, source: Any) -> Any:
        array = source.astype(np.float32)
        rows = array.mean(axis=2)[::8, ::8] if source.dtype == np.uint8 else array.mean(axis=0)
        return {"rows": rows - rows.mean(), "weight": np.asarray([self.weight])}

    def score(self, query: Any, candidate: Any) -> float:
        one, two = query["rows"], candidate["rows"]
        width = one.shape[1] - 2
        scale = max(1e-6, float(np.linalg.norm(one) * np.linalg.norm(two)))
        return max(
            float((one[:, at : at + width] * two[:, by : by + width]).sum()) / scale
            for at in (0, 1, 2)
            for by in (0, 1, 2)
        )

    def enough(self, scores: Any) -> bool:
        return bool(max(scores) > self.weight)


@pytest.mark.parametrize("needs", ["images", "maps"])
def test_a_sound_local_reranker_keeps_the_contract(needs: str) -> None:
    assert breaches(RerankerContract, spec_of(Local, needs)) == {}


class Distance(Local):
    def score(self, query: Any, candidate: Any) -> float:
        return -super().score(query, candidate)


class Draws(Local):
    def score(self, query: Any, candidate: Any) -> float:
        return super().score(query, candidate) + float(np.random.default_rng().random()) * 1e-3


class Remembers(Local):
    count = 0

    def score(self, query: Any, candidate: Any) -> float:
        self.count += 1
        return super().score(query, candidate) + 1e-9 * self.count


class NaN(Local):
    def score(self, query: Any, candidate: Any) -> float:
        one, two = query["rows"], candidate["rows"]
        with np.errstate(invalid="ignore"):
            return float(np.divide((one * two).sum(), np.linalg.norm(one) * np.linalg.norm(two)))


class Views(Local):
    def features(self, source: Any) -> Any:
        return {"rows": source if source.ndim == 2 else source[:, :, 0], "weight": np.asarray([self.weight])}


class Objects(Local):
    def features(self, source: Any) -> Any:
        return {**super().features(source), "points": [(1, 2)]}


class Spoils(Local):
    def score(self, query: Any, candidate: Any) -> float:
        value = super().score(query, candidate)
        candidate["rows"] *= 0.5
        return value


class Undecided(Local):
    def enough(self, scores: Any) -> Any:
        return max(scores)


LOCAL: dict[type, tuple[str, str]] = {
    Distance: ("test_the_same_place_scores_higher", "higher means more alike"),
    Draws: ("test_scores_are_numbers_of_two_images", "after others were scored"),
    Remembers: ("test_scores_are_numbers_of_two_images", "after others were scored"),
    NaN: ("test_scores_are_numbers_of_two_images", "score must be a finite number, got nan"),
    Views: ("test_features_can_be_kept", "features change with the image they came from; copy"),
    Objects: ("test_features_can_be_kept", "features ['points'] are no numeric arrays"),
    Spoils: ("test_scores_are_numbers_of_two_images", "changes the features in place"),
    Undecided: ("test_early_stop_only_looks", "must be True or False"),
}


@pytest.mark.parametrize(("reranker", "expected"), LOCAL.items(), ids=[item.__name__ for item in LOCAL])
def test_a_fault_of_a_local_reranker_is_caught(reranker: Any, expected: tuple[str, str]) -> None:
    found = breaches(RerankerContract, spec_of(reranker, "images"), Trial(options={"image_size": (96, 128)}))
    assert expected[0] in found
    assert found[expected[0]].startswith("reranker 'plain': ")
    assert expected[1] in found[expected[0]]


def test_a_matcher_without_its_weights_is_not_asked_to_recognise() -> None:
    assert breaches(RerankerContract, spec_of(Distance, "maps"), Trial(options={"recognises": False})) == {}
