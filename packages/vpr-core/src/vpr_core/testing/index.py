"""The contract of nearest-neighbour indexes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pytest

from vpr_core.components import ComponentConfig
from vpr_core.testing.case import Case, Contract
from vpr_core.testing.fields import check_fields_matter, digest
from vpr_core.testing.index_batches import check_batches
from vpr_core.testing.refusal import refused

__all__ = ["IndexContract"]

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]


class IndexContract(Contract):
    """An index finds the nearest descriptors, says how far they are, and orders ties by position.

    Attributes:
        dim: ``D`` of the descriptors it is tried with.
        size: how many there are.
        exact: it promises the true neighbours; False: an approximate index.
        min_recall: share of the ten true neighbours that an approximate index must find.
        distance_tolerance: how far a reported distance may be from the true one (compressed descriptors: more).
        switch: number of queries times dimension at which the engine's arithmetic may change.
    """

    kind = "index"
    dim: ClassVar[int] = 16
    size: ClassVar[int] = 600
    exact: ClassVar[bool] = True
    min_recall: ClassVar[float] = 0.9
    distance_tolerance: ClassVar[float] = 1e-4
    switch: ClassVar[int] = 160_000

    def index(self, case: Case, config: ComponentConfig | None = None, *, dim: int | None = None) -> Any:
        """Build an empty index."""
        return case.build_with(config or case.config, dim or self.option(case, "dim"))

    def descriptors(self, case: Case, count: int | None = None, *, seed: int = 1) -> Float32Array:
        """Unit descriptors in clusters, as places give them."""
        generator = np.random.default_rng(seed)
        count = count or self.option(case, "size")
        centers = np.random.default_rng(0).normal(size=(40, self.option(case, "dim")))
        rows = centers[generator.integers(40, size=count)] + 0.4 * generator.normal(
            size=(count, self.option(case, "dim"))
        )
        return _unit(rows)

    def filled(self, case: Case, config: ComponentConfig | None = None) -> tuple[Any, Float32Array]:
        """An index with descriptors, added in two parts, and the descriptors."""
        rows = self.descriptors(case)
        index = self.index(case, config)
        index.add(rows[: len(rows) // 2])
        index.add(rows[len(rows) // 2 :])
        return index, rows

    def distances(self, case: Case, index: Any, queries: Float32Array, rows: Float32Array) -> Float64Array:
        """True distances ``(Q, N)`` in float64 by the index's metric."""
        metric = getattr(index, "metric", None)
        case.require(metric in ("l2", "ip"), f"metric must be 'l2' or 'ip', got {metric!r}")
        q, d = queries.astype(np.float64), rows.astype(np.float64)
        if metric == "ip":
            return np.asarray(1.0 - q @ d.T)
        return np.asarray(np.sqrt(((q[:, None] - d[None]) ** 2).sum(axis=2)))

    def test_length(self, case: Case) -> None:
        """``len`` counts what was added; adding nothing adds nothing."""
        index = self.index(case)
        case.require(len(index) == 0, f"an empty index has len {len(index)}")
        index.add(self.descriptors(case))
        index.add(self.descriptors(case)[:0])
        size = self.option(case, "size")
        case.require(len(index) == size, f"after {size} descriptors and an empty array len is {len(index)}")

    def test_result_form(self, case: Case) -> None:
        """``distance`` float32 and ``index`` int64, ``(Q, k)``, nearest first, ties by position, every position "
        "real."""
        index, rows = self.filled(case)
        queries = self.descriptors(case, 20, seed=2)
        for k in (1, 10):
            found = index.search(queries, k)
            for name, dtype in (("distance", np.float32), ("index", np.int64)):
                item = getattr(found, name, None)
                case.require(
                    isinstance(item, np.ndarray) and item.dtype == dtype and item.shape == (20, k),
                    f"search(20 queries, {k}).{name} must be {np.dtype(dtype)} (20, {k}), got {_what(item)}",
                )
            case.require(
                bool(((found.index >= 0) & (found.index < len(rows))).all()),
                f"search returns positions outside 0..{len(rows) - 1}, such as {found.index.min()}; an engine's -1 "
                "means it "
                "looked no further: search wider",
            )
            step = np.diff(found.distance, axis=1)
            case.require(bool((step >= 0).all()), "neighbours are not nearest first; sort by distance")
            tied = (step == 0) & (np.diff(found.index, axis=1) <= 0)
            case.require(not tied.any(), "equal distances are not ordered by position; sort by (distance, position)")

    def test_distances_are_true(self, case: Case) -> None:
        """Each distance is ``|q - d|`` (metric l2) or ``1 - q.d`` (ip) of the descriptor it stands beside."""
        index, rows = self.filled(case)
        queries = self.descriptors(case, 20, seed=2)
        found = index.search(queries, 10)
        true = np.take_along_axis(self.distances(case, index, queries, rows), found.index, axis=1)
        worst = float(np.abs(found.distance - true).max())
        case.require(
            worst <= self.option(case, "distance_tolerance"),
            f"distances are off by up to {worst:.3g} (metric {index.metric}); report |q - d|, not squared, or 1 - "
            "q.d, in the "
            "order of the positions",
        )

    def test_neighbours_are_the_nearest(self, case: Case) -> None:
        """An exact index finds what brute force in float64 finds; an approximate one most of it."""
        index, rows = self.filled(case)
        queries = self.descriptors(case, 50, seed=2)
        true = self.distances(case, index, queries, rows)
        found = index.search(queries, 10)
        nearest = np.argsort(true, axis=1, kind="stable")[:, :10]
        if self.option(case, "exact"):
            limit = np.take_along_axis(true, nearest[:, -1:], axis=1)
            worst = float((np.take_along_axis(true, found.index, axis=1).max(axis=1, keepdims=True) - limit).max())
            case.require(
                worst <= 1e-5,
                f"a returned neighbour lies {worst:.3g} beyond the true 10th; search exactly, or set exact = False",
            )
            return
        shared = [len(np.intersect1d(a, b)) for a, b in zip(found.index, nearest, strict=True)]
        recall = float(np.mean(shared)) / 10
        case.require(
            recall >= self.option(case, "min_recall"),
            f"finds {recall:.2f} of the ten true neighbours, min_recall is {self.option(case, 'min_recall')}",
        )

    def test_ties_by_position(self, case: Case) -> None:
        """Of equal descriptors the first added come first, also across the ``k``-th place."""
        index = self.index(case)
        rows = self.descriptors(case)
        rows[7::50] = rows[7]
        index.add(rows)
        wanted = np.arange(7, len(rows), 50)
        found = index.search(rows[7:8], len(wanted) - 2)
        same = found.index[0][np.isin(found.index[0], wanted)]
        case.require(
            bool((np.diff(same) > 0).all()),
            f"equal descriptors come in the order {same.tolist()}; sort by (distance, position)",
        )
        if self.option(case, "exact"):
            case.require(
                np.array_equal(found.index[0], wanted[:-2]),
                f"of {len(wanted)} equal descriptors the first {len(wanted) - 2} must be found, "
                f"{wanted[:-2].tolist()}, got "
                f"{found.index[0].tolist()}; fetch a few more than k, then sort by (distance, position) and cut",
            )

    def test_many_queries_find_what_each_finds_alone(self, case: Case) -> None:
        """Nor does the number of queries matter where engines change their arithmetic with it (`check_batches`)."""
        dim = 64 * self.option(case, "dim")
        check_batches(case, self.index(case, dim=dim), dim=dim, switch=self.option(case, "switch"))

    def test_queries_are_independent(self, case: Case) -> None:
        """A query finds the same alone as among others; neither search nor add changes its input."""
        index, _ = self.filled(case)
        queries = self.descriptors(case, 20, seed=2)
        kept = queries.copy()
        together = index.search(queries, 5)
        for position in (0, 13):
            alone = index.search(queries[position : position + 1], 5)
            case.require(
                np.array_equal(alone.index[0], together.index[position]),
                f"query {position} finds {alone.index[0].tolist()} alone, {together.index[position].tolist()} among 20",
            )
        strided = index.search(np.repeat(queries, 2, axis=0)[::2], 5)
        case.require(np.array_equal(strided.index, together.index), "a strided array of queries finds something else")
        case.require(np.array_equal(queries, kept), "search changes the queries in place; copy first")
        rows = self.descriptors(case)
        kept = rows.copy()
        index = self.index(case)
        index.add(rows)
        rows[:] = _unit(np.ones_like(rows))
        found = index.search(kept[3:4], 1)
        case.require(
            abs(float(found.distance[0, 0])) <= max(1e-3, self.option(case, "distance_tolerance")),
            "changing an array after add() changes the index; copy what is added",
        )

    def test_bad_input_refused(self, case: Case) -> None:
        """NaN, infinity, another dimension, one descriptor without its axis: refused by `ValueError`, nothing added."""
        index, rows = self.filled(case)
        good = self.descriptors(case, 4, seed=3)
        nan, infinite = good.copy(), good.copy()
        nan[2, 3] = np.nan
        infinite[1, 0] = np.inf
        bad: dict[str, Any] = {
            "NaN": nan,
            "infinity": infinite,
            "another dimension": good[:, :-1],
            "a vector without its axis": good[0],
        }
        if index.metric == "ip":
            bad["rows that are not unit"] = 2 * good
        calls: dict[str, Callable[[Any], Any]] = {"add": index.add, "search": lambda given: index.search(given, 3)}
        for name, given in bad.items():
            for call, function in calls.items():
                self.refused(case, f"{call} takes {name}", function, given)
        case.require(
            len(index) == len(rows),
            f"a refused add() still added {len(index) - len(rows)} rows; check everything first",
        )

    def test_bad_k_refused(self, case: Case) -> None:
        """``k`` below 1, or more than there are descriptors."""
        index, rows = self.filled(case)
        query = rows[:1]
        for k in (0, -1, len(rows) + 1):
            self.refused(case, f"search takes k={k} in a database of {len(rows)}", lambda k: index.search(query, k), k)
        empty = self.index(case)
        self.refused(case, "search takes an empty database", lambda k: empty.search(query, k), 1)

    def refused(self, case: Case, said: str, function: Callable[[Any], Any], argument: Any) -> None:
        """Require that a call raises ValueError (or TypeError) with a message."""
        refused(case, said, lambda: function(argument))

    def test_save_and_load(self, case: Case, tmp_path: Path) -> None:
        """Another index that loads the file finds the same, goes on growing, and replaces what it held before."""
        index, rows = self.filled(case)
        queries = self.descriptors(case, 20, seed=2)
        wanted = index.search(queries, 10)
        path = tmp_path / "index.bin"
        index.save(path)
        case.require(path.exists(), f"save({path.name}) leaves nothing at that path")
        again = self.index(case)
        again.add(self.descriptors(case, seed=9))
        again.load(path)
        case.require(len(again) == len(rows), f"{len(rows)} descriptors saved, {len(again)} after load()")
        found = again.search(queries, 10)
        case.require(
            np.array_equal(found.index, wanted.index) and np.array_equal(found.distance, wanted.distance),
            "a loaded index finds something else than the saved one",
        )
        again.add(rows[:5])
        case.require(len(again) == len(rows) + 5, "a loaded index does not grow")

    def test_bad_files_refused(self, case: Case, tmp_path: Path) -> None:
        """A missing file, a damaged one, one of another dimension: an error, and the index stays as it was."""
        index, rows = self.filled(case)
        path = tmp_path / "index.bin"
        index.save(path)
        try:
            index.load(tmp_path / "gone.bin")
        except OSError:
            pass
        else:
            case.breach("load() of a file that does not exist is not an error; raise FileNotFoundError")
        other = self.index(case, dim=2 * self.option(case, "dim"))
        self.refused(case, "load takes a file of another dimension", other.load, path)
        if not path.is_file():
            pytest.skip("saves a folder: damage is the engine's to detect")
        whole = path.read_bytes()
        damaged = tmp_path / "damaged.bin"
        middle = len(whole) // 2
        flipped = whole[:middle] + bytes([whole[middle] ^ 0x10]) + whole[middle + 1 :]
        for name, content in {
            "a truncated file": whole[:middle],
            "a file with a flipped bit": flipped,
            "an empty file": b"",
        }.items():
            damaged.write_bytes(content)
            self.refused(case, f"load takes {name}", index.load, damaged)
        case.require(len(index) == len(rows), "a refused load() changes the index; read everything before replacing")

    def test_config_fields_matter(self, case: Case) -> None:
        """Each parameter changes the metric, neighbours or distances."""
        check_fields_matter(case, lambda config: self.observe(case, config))

    def observe(self, case: Case, config: ComponentConfig) -> str:
        """Digest of searches."""
        index, _ = self.filled(case, config)
        results = [index.search(self.descriptors(case, 60, seed=2), k) for k in (1, 10, 50)]
        return digest(index.metric, [(found.distance, found.index) for found in results])


def _unit(rows: npt.NDArray[Any]) -> Float32Array:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def _what(item: object) -> str:
    return f"{item.dtype} {item.shape}" if isinstance(item, np.ndarray) else type(item).__name__
