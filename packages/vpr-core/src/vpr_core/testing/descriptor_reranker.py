"""The contract of re-rankers that look at descriptors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest

from vpr_core.components import ComponentConfig
from vpr_core.testing.answers import Answers, Float32Array, check_answers, check_same, unit
from vpr_core.testing.case import Case, Contract
from vpr_core.testing.fields import check_fields_matter, digest
from vpr_core.testing.refusal import refused

__all__ = ["DescriptorRerankerContract", "without_first"]

FIRST = "the host cuts the answers before it asks"


class DescriptorRerankerContract(Contract):
    """A re-ranker puts the answers of each query in another order: none is lost, none is new, ties stay as they came.

    Attributes:
        dim: ``D`` of the descriptors.
        size: rows of the database.
        answers: ``K``, answers a query.
        tolerance: how far distances of the same answers may differ: rounding.
    """

    kind = "reranker"
    dim: ClassVar[int] = 16
    size: ClassVar[int] = 120
    answers: ClassVar[int] = 20
    tolerance: ClassVar[float] = 1e-4

    def reranker(self, case: Case, config: ComponentConfig | None = None) -> Any:
        """Build a re-ranker; skip what looks at images or maps."""
        if getattr(case.spec, "needs", None) != "descriptors":
            pytest.skip("looks at images or feature maps")
        return case.build_with(config or case.config)

    def scene(self, case: Case) -> tuple[Float32Array, Float32Array, Answers]:
        """Queries, database, and the answers of a search: places of several images, some of them the same image."""
        size, dim = self.option(case, "size"), self.option(case, "dim")
        generator = np.random.default_rng(2)
        places = generator.normal(size=(size // 8, dim))
        database = unit(places[generator.integers(len(places), size=size)] + 0.3 * generator.normal(size=(size, dim)))
        database[5::9] = database[5]
        queries = unit(places[:10] + 0.3 * generator.normal(size=(10, dim)))
        queries[0] = database[5]
        distance = np.linalg.norm(queries[:, None].astype(np.float64) - database[None], axis=2)
        order = np.argsort(distance, axis=1, kind="stable")[:, : self.option(case, "answers")]
        return queries, database, Answers(np.take_along_axis(distance, order, axis=1), order)

    def test_answers_are_the_same_in_another_order(self, case: Case) -> None:
        """Every answer that came in goes out, once; for one answer and for all of the database too."""
        reranker = self.reranker(case)
        queries, database, given = self.scene(case)
        everything = np.tile(np.arange(len(database)), (len(queries), 1))
        cost = np.linalg.norm(queries[:, None] - database[None], axis=2)
        order = np.argsort(cost, axis=1, kind="stable")
        whole = Answers(np.take_along_axis(cost, order, axis=1), np.take_along_axis(everything, order, axis=1))
        for neighbours in (given, Answers(given.distance[:, :1], given.index[:, :1]), whole):
            found = reranker.reorder(queries, database, neighbours)
            shape = neighbours.index.shape
            check_answers(case, f"reorder({shape[1]} answers)", found, shape=shape, size=len(database))
            lost = [
                row
                for row in range(len(queries))
                if set(found.index[row].tolist()) != set(neighbours.index[row].tolist())
            ]
            case.require(
                not lost,
                f"query {lost[:1]} went in with other answers than came out; reorder what the search found, drop "
                "nothing and add nothing",
            )

    def test_ties_keep_their_order(self, case: Case) -> None:
        """Answers with equal cost stand as they came, whatever their positions in the database are."""
        reranker = self.reranker(case)
        queries, database, given = self.scene(case)
        backwards = Answers(given.distance, given.index.copy())
        for row in range(len(queries)):  # the search broke its ties the other way round
            for value in np.unique(backwards.distance[row]):
                same = np.flatnonzero(backwards.distance[row] == value)
                backwards.index[row, same] = backwards.index[row, same[::-1]]
        flat = np.repeat(database[:1], len(database), axis=0)
        shuffled = np.random.default_rng(3).permuted(np.tile(np.arange(len(flat)), (len(queries), 1)), axis=1)
        alike = Answers(np.zeros(given.index.shape), shuffled[:, : given.index.shape[1]])
        for rows, neighbours in ((database, given), (database, backwards), (flat, alike)):
            found = reranker.reorder(queries, rows, neighbours)
            for row in range(len(queries)):
                rank = {position: place for place, position in enumerate(neighbours.index[row].tolist())}
                places = np.asarray([rank.get(position, -1) for position in found.index[row].tolist()])
                tied = (np.diff(found.distance[row]) == 0) & (np.diff(places) < 0)
                case.require(
                    not tied.any(),
                    "answers with equal cost change places; sort stably, in the order in which they came, not by "
                    "position",
                )

    def test_queries_are_independent(self, case: Case) -> None:
        """A query's answers are the same alone as among others."""
        reranker = self.reranker(case)
        queries, database, given = self.scene(case)
        together = reranker.reorder(queries, database, given)
        for row in (0, 6):
            one = slice(row, row + 1)
            alone = reranker.reorder(queries[one], database, Answers(given.distance[one], given.index[one]))
            check_same(
                case,
                "a query has another order alone than in a batch",
                alone,
                Answers(together.distance[one], together.index[one]),
                tolerance=self.option(case, "tolerance"),
            )
        nothing = reranker.reorder(queries[:0], database, Answers(given.distance[:0], given.index[:0]))
        check_answers(case, "reorder(no queries)", nothing, shape=(0, given.index.shape[1]), size=len(database))

    def test_input_is_left_alone(self, case: Case) -> None:
        """Arrays are read only, whatever their memory layout; a second call gives the same bits."""
        reranker = self.reranker(case)
        queries, database, given = self.scene(case)
        arrays = [np.repeat(item, 2, axis=0)[::2] for item in (queries, database)]
        everything: list[Any] = [*arrays, given.distance, given.index]
        kept = [item.copy() for item in everything]
        found = reranker.reorder(*arrays, given)
        same = all(np.array_equal(a, b) for a, b in zip(everything, kept, strict=True))
        case.require(same, "reorder changes its input in place; copy first")
        again = reranker.reorder(*arrays, given)
        case.require(
            np.array_equal(again.index, found.index) and np.array_equal(again.distance, found.distance),
            "the same call gives another result the second time; draw nothing, keep nothing",
        )
        wanted = reranker.reorder(queries, database, given)
        check_same(case, "strided arrays give another order", found, wanted, tolerance=self.option(case, "tolerance"))

    def test_bad_input_refused(self, case: Case) -> None:
        """Positions outside the database, NaN, other dimensions, answers of other queries: refused by `ValueError`."""
        reranker = self.reranker(case)
        queries, database, given = self.scene(case)
        nan = queries.copy()
        nan[1, 1] = np.nan
        outside, negative = given.index.copy(), given.index.copy()
        outside[0, 0], negative[0, 0] = len(database), -1
        for name, arguments in {
            "a position outside the database": (queries, database, Answers(given.distance, outside)),
            "a position of -1": (queries, database, Answers(given.distance, negative)),
            "NaN": (nan, database, given),
            "another dimension": (queries[:, :-1], database, given),
            "answers of fewer queries": (queries, database, Answers(given.distance[1:], given.index[1:])),
        }.items():
            refused(case, f"reorder takes {name}", lambda given=arguments: reranker.reorder(*given))  # type: ignore[misc]

    def test_descriptor_fields_matter(self, case: Case) -> None:
        """Each parameter but ``first`` changes the order or the distances."""
        self.reranker(case)
        check_fields_matter(without_first(case), lambda config: self.observe_order(case, config))

    def observe_order(self, case: Case, config: ComponentConfig) -> str:
        """Digest of a reordering."""
        found = self.reranker(case, config).reorder(*self.scene(case))
        return digest(found.distance, found.index)


def without_first(case: Case) -> Case:
    """The case with ``first`` excused: it is the host's."""
    return replace(case, trial=replace(case.trial, inert={**case.trial.inert, "first": FIRST}))
