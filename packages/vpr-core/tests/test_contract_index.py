"""The index contract passes a sound index and catches each fault, and nothing but that fault."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pytest
from pydantic import Field

from vpr_core import ComponentConfig, IndexSpec
from vpr_core.testing import IndexContract, Trial, breaches


class Config(ComponentConfig):
    type: Literal["plain"] = "plain"
    metric: Literal["l2", "ip"] = Field(default="l2", description="Metric.")


class Found(NamedTuple):
    distance: Any
    index: Any


class Plain:
    """A sound index: brute force in float64."""

    def __init__(self, config: Config, dim: int) -> None:
        self.metric: Any = config.metric
        self.dim = dim
        self.rows = np.zeros((0, dim), dtype=np.float32)

    def __len__(self) -> int:
        return len(self.rows)

    def check(self, given: Any) -> None:
        if given.ndim != 2 or given.shape[1] != self.dim or not np.isfinite(given).all():
            raise ValueError(f"descriptors must be finite (N, {self.dim}), got {given.shape}")
        if self.metric == "ip" and len(given) and np.abs(np.linalg.norm(given, axis=1) - 1).max() > 1e-3:
            raise ValueError("descriptors must be unit rows")

    def add(self, descriptors: Any) -> None:
        self.check(descriptors)
        self.rows = np.concatenate((self.rows, descriptors))

    def distances(self, queries: Any) -> Any:
        q, d = queries.astype(np.float64), self.rows.astype(np.float64)
        if self.metric == "ip":
            return 1 - np.stack([(d * row).sum(axis=1) for row in q])
        return np.stack([np.sqrt(((d - row) ** 2).sum(axis=1)) for row in q])

    def check_k(self, k: int) -> None:
        if not 1 <= k <= len(self):
            raise ValueError(f"k must be from 1 to {len(self)}, got {k}")

    def search(self, queries: Any, k: int) -> Any:
        self.check_k(k)
        self.check(queries)
        distance = self.distances(queries).astype(np.float32)
        index = self.order(distance)[:, :k].astype(np.int64)
        return Found(np.take_along_axis(distance, index, axis=1), index)

    def order(self, distance: Any) -> Any:
        return np.argsort(distance, axis=1, kind="stable")

    def save(self, path: Path) -> None:
        body = np.array([self.dim], dtype="<i8").tobytes() + self.rows.tobytes()
        path.write_bytes(hashlib.sha256(body).digest() + body)

    def load(self, path: Path) -> None:
        whole = path.read_bytes()
        self.rows = self.parse(whole[:32], whole[32:])

    def parse(self, digest: bytes, body: bytes) -> Any:
        if hashlib.sha256(body).digest() != digest:
            raise ValueError("the file is damaged")
        if int(np.frombuffer(body[:8], dtype="<i8")[0]) != self.dim:
            raise ValueError("the file has another dimension")
        return np.frombuffer(body[8:], dtype=np.float32).reshape(-1, self.dim)


def spec_of(index: Any) -> IndexSpec[Any]:
    return IndexSpec(name="plain", config=Config, build=index, summary="An index.")


@pytest.mark.parametrize("metric", ["l2", "ip"])
def test_a_sound_index_keeps_the_contract(metric: str) -> None:
    assert breaches(IndexContract, spec_of(Plain), Trial(parameters={"metric": metric})) == {}


class Squared(Plain):
    def distances(self, queries: Any) -> Any:
        return super().distances(queries) ** 2


class DistancesOfOthers(Plain):
    def search(self, queries: Any, k: int) -> Any:
        found = super().search(queries, k)
        return Found(found.distance, np.roll(found.index, 1, axis=0))


class NotNearestFirst(Plain):
    def search(self, queries: Any, k: int) -> Any:
        found = super().search(queries, k)
        return Found(found.distance[:, ::-1].copy(), found.index[:, ::-1].copy())


class TiesAnyhow(Plain):
    def order(self, distance: Any) -> Any:
        return distance.shape[1] - 1 - np.argsort(distance[:, ::-1], axis=1, kind="stable")


class TiesAfterTheCut(Plain):
    """Sorts what it found by position, but takes the last of equal descriptors across the k-th place."""

    def search(self, queries: Any, k: int) -> Any:
        found = TiesAnyhow.order(self, distance := self.distances_checked(queries, k))[:, :k]
        near = np.take_along_axis(distance, found, axis=1)
        order = np.lexsort((found, near), axis=1)
        return Found(np.take_along_axis(near, order, axis=1), np.take_along_axis(found, order, axis=1))

    def distances_checked(self, queries: Any, k: int) -> Any:
        self.check_k(k)
        self.check(queries)
        return self.distances(queries).astype(np.float32)


class AcceptsNaN(Plain):
    def check(self, given: Any) -> None:
        super().check(
            np.where(np.isnan(given), np.float32(0.25), given) if given.ndim == 2 and self.metric == "l2" else given
        )


class AddsBeforeChecking(Plain):
    def add(self, descriptors: Any) -> None:
        if descriptors.ndim == 2 and descriptors.shape[1] == self.dim:
            self.rows = np.concatenate((self.rows, descriptors))
        self.check(descriptors)


class BareAssert(Plain):
    def check(self, given: Any) -> None:
        assert given.ndim == 2
        assert given.shape[1] == self.dim
        assert np.isfinite(given).all()


class PadsWithMinusOne(Plain):
    def check_k(self, k: int) -> None:
        pass


class Misses(Plain):
    def order(self, distance: Any) -> Any:
        return super().order(distance)[:, 1:]


class Float64Distances(Plain):
    def search(self, queries: Any, k: int) -> Any:
        found = super().search(queries, k)
        return Found(found.distance.astype(np.float64), found.index)


class BatchDependent(Plain):
    def search(self, queries: Any, k: int) -> Any:
        found = super().search(queries, min(k + 1, len(self)))
        start = int(len(queries) == 1 and k == 5)
        return Found(found.distance[:, start : start + k], found.index[:, start : start + k])


class KeepsTheArray(Plain):
    def add(self, descriptors: Any) -> None:
        self.check(descriptors)
        self.rows = descriptors if not len(self) else np.concatenate((self.rows, descriptors))


class Scribbles(Plain):
    def search(self, queries: Any, k: int) -> Any:
        found = super().search(queries, k)
        queries *= np.float32(0.5)
        return found


class AppendsOnLoad(Plain):
    def load(self, path: Path) -> None:
        whole = path.read_bytes()
        self.rows = np.concatenate((self.rows, self.parse(whole[:32], whole[32:])))


class HalfPrecisionFile(Plain):
    def parse(self, digest: bytes, body: bytes) -> Any:
        return super().parse(digest, body).astype(np.float16).astype(np.float32)


class NoChecksum(Plain):
    def parse(self, digest: bytes, body: bytes) -> Any:
        return super().parse(hashlib.sha256(body).digest(), body)


class AnyDimension(Plain):
    def parse(self, digest: bytes, body: bytes) -> Any:
        if hashlib.sha256(body).digest() != digest:
            raise ValueError("the file is damaged")
        return np.frombuffer(body[8:], dtype=np.float32).reshape(-1, self.dim)


class NoFileNoMatter(Plain):
    def load(self, path: Path) -> None:
        if path.exists():
            super().load(path)


class ForgetsMetric(Plain):
    def __init__(self, config: Config, dim: int) -> None:
        super().__init__(Config(), dim)


class UnknownMetric(Plain):
    def __init__(self, config: Config, dim: int) -> None:
        super().__init__(config, dim)
        self.metric = "cosine" if self.metric == "ip" else "euclid"


BROKEN: dict[type[Plain], dict[str, str]] = {
    Squared: {"test_distances_are_true": "report |q - d|, not squared"},
    TiesAnyhow: {"test_ties_by_position": "equal descriptors come in the order"},
    TiesAfterTheCut: {"test_ties_by_position": "the first 10 must be found"},
    AcceptsNaN: {"test_bad_input_refused": "add takes NaN without a word"},
    AddsBeforeChecking: {"test_bad_input_refused": "a refused add() still added"},
    BareAssert: {"test_bad_input_refused": "add takes NaN and fails with AssertionError"},
    Misses: {
        "test_neighbours_are_the_nearest": "beyond the true 10th; search exactly, or set exact = False",
        "test_ties_by_position": "",
        "test_queries_are_independent": "",
    },
    Float64Distances: {"test_result_form": "distance must be float32 (20, 1), got float64 (20, 1)"},
    KeepsTheArray: {
        "test_queries_are_independent": "changing an array after add() changes the index; copy what is added"
    },
    AppendsOnLoad: {"test_save_and_load": "600 descriptors saved, 1200 after load()"},
    HalfPrecisionFile: {"test_save_and_load": "a loaded index finds something else than the saved one"},
    NoChecksum: {"test_bad_files_refused": "load takes"},
    AnyDimension: {"test_bad_files_refused": "load takes a file of another dimension without a word"},
    NoFileNoMatter: {"test_bad_files_refused": "load() of a file that does not exist is not an error"},
    ForgetsMetric: {"test_config_fields_matter": "the field 'metric' changes nothing: 'l2' and 'ip'"},
}


@pytest.mark.parametrize(("index", "expected"), BROKEN.items(), ids=[index.__name__ for index in BROKEN])
def test_a_fault_is_caught_with_what_to_do(index: type[Plain], expected: dict[str, str]) -> None:
    found = breaches(IndexContract, spec_of(index))
    assert set(found) == set(expected)
    for test, said in expected.items():
        assert found[test].startswith("index 'plain': ")
        assert said in found[test]


MANY: dict[type[Plain], dict[str, str]] = {
    NotNearestFirst: {"test_result_form": "neighbours are not nearest first; sort by distance"},
    DistancesOfOthers: {"test_distances_are_true": "in the order of the positions"},
    BatchDependent: {"test_queries_are_independent": "alone, "},
    Scribbles: {"test_queries_are_independent": "changes the queries in place; copy first"},
    PadsWithMinusOne: {"test_bad_k_refused": "search takes k=0 in a database of 600 without a word"},
    UnknownMetric: {"test_distances_are_true": "metric must be 'l2' or 'ip', got 'euclid'"},
}


@pytest.mark.parametrize(("index", "expected"), MANY.items(), ids=[index.__name__ for index in MANY])
def test_a_fault_that_breaks_several_promises_is_caught(index: type[Plain], expected: dict[str, str]) -> None:
    found = breaches(IndexContract, spec_of(index))
    for test, said in expected.items():
        assert said in found[test]


def test_unnormalised_rows_under_the_inner_product_are_refused() -> None:
    class AnyNorm(Plain):
        def check(self, given: Any) -> None:
            if given.ndim == 2 and given.shape[1] == self.dim and np.isfinite(given).all():
                return
            super().check(given)

    found = breaches(IndexContract, spec_of(AnyNorm), Trial(parameters={"metric": "ip"}))
    assert set(found) == {"test_bad_input_refused"}
    assert "add takes rows that are not unit without a word" in found["test_bad_input_refused"]


def test_an_approximate_index_may_miss_some_but_not_most() -> None:
    class Half(Plain):
        def distances(self, queries: Any) -> Any:
            distance = super().distances(queries)
            distance[:, 1::4] += 5
            return distance

        def search(self, queries: Any, k: int) -> Any:
            return super().search(queries, min(k, 3 * len(self) // 4))

    exact = breaches(IndexContract, spec_of(Half))
    assert "test_neighbours_are_the_nearest" in exact
    options = {"exact": False, "min_recall": 0.5}
    assert "test_neighbours_are_the_nearest" not in breaches(IndexContract, spec_of(Half), Trial(options=options))
    strict = breaches(IndexContract, spec_of(Half), Trial(options={"exact": False, "min_recall": 0.99}))
    assert "of the ten true neighbours, min_recall is 0.99" in strict["test_neighbours_are_the_nearest"]
