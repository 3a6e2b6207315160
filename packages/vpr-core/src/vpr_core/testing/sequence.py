"""The contract of sequence matchers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from vpr_core.components import ComponentConfig
from vpr_core.testing.answers import Answers, Float32Array, check_answers, check_same, unit
from vpr_core.testing.case import Case, Contract
from vpr_core.testing.fields import check_fields_matter, digest
from vpr_core.testing.refusal import refused

__all__ = ["SequenceContract"]

Int64Array = npt.NDArray[np.int64]


class SequenceContract(Contract):
    """A matcher answers each query from what its drive has shown so far, whatever else it is asked at the same time.

    Two drives, which pass ``frames`` places each, are the database; two others pass some of these places again.

    Attributes:
        dim: ``D`` of the descriptors.
        frames: images of each drive of the database.
        tolerance: how far distances of the same search may differ: rounding.
        near: a query counts as found when an answer is at most so many frames away.
        min_recall: share of the queries of a repeated drive that must be found with the first answer.
    """

    kind = "sequence"
    dim: ClassVar[int] = 16
    frames: ClassVar[int] = 40
    tolerance: ClassVar[float] = 1e-4
    near: ClassVar[int] = 2
    min_recall: ClassVar[float] = 0.8

    def matcher(self, case: Case, config: ComponentConfig | None = None) -> Any:
        """Build a matcher."""
        return case.build_with(config or case.config)

    def drives(self, case: Case) -> tuple[Float32Array, Int64Array, Float32Array, Int64Array]:
        """Queries, their drives, database, its drives: descriptors that change little from frame to frame."""
        dim, frames = self.option(case, "dim"), self.option(case, "frames")
        generator = np.random.default_rng(4)
        database = np.concatenate([_walk(generator, frames, dim) for _ in range(2)])
        first, second = np.arange(5, frames - 5), np.arange(frames, 2 * frames, 2)
        queries = database[np.concatenate((first, second))]
        queries = unit(queries + 0.15 * generator.normal(size=queries.shape))
        return queries, np.repeat([7, 3], [len(first), len(second)]), database, np.repeat([0, 1], frames)

    def searched(self, case: Case, matcher: Any, *, k: int = 3) -> Any:
        """All queries at once."""
        queries, query_drive, database, database_drive = self.drives(case)
        return matcher.search(queries, database, query_drive=query_drive, database_drive=database_drive, k=k)

    def test_result_form(self, case: Case) -> None:
        """Every query has ``k`` different answers, the first of a drive too; of no queries there are none."""
        queries, query_drive, database, database_drive = self.drives(case)
        matcher = self.matcher(case)
        for k in (1, 5, len(database)):
            found = self.searched(case, matcher, k=k)
            check_answers(case, f"search(k={k})", found, shape=(len(queries), k), size=len(database))
            tied = (np.diff(found.distance, axis=1) == 0) & (np.diff(found.index, axis=1) < 0)
            case.require(not tied.any(), "equal distances are not ordered by position; sort by (distance, position)")
        nothing = matcher.search(queries[:0], database, query_drive=query_drive[:0], database_drive=database_drive, k=2)
        check_answers(case, "search(no queries)", nothing, shape=(0, 2), size=len(database))

    def test_the_future_is_not_used(self, case: Case) -> None:
        """The answer to a query is the same before the next ones exist."""
        queries, query_drive, database, database_drive = self.drives(case)
        matcher = self.matcher(case)
        whole = self.searched(case, matcher)
        drive = np.flatnonzero(query_drive == query_drive[0])
        for length in (1, 2, 7, len(drive) - 1):
            seen = drive[:length]
            found = matcher.search(
                queries[seen], database, query_drive=query_drive[seen], database_drive=database_drive, k=3
            )
            check_same(
                case,
                f"asked after {length} images of a drive, it answers otherwise than when the drive goes on; use what "
                "came before a query only",
                found,
                _rows(whole, seen),
                tolerance=self.option(case, "tolerance"),
            )

    def test_drives_are_independent(self, case: Case) -> None:
        """A drive has the same answers alone, among others, and with its images between those of another."""
        queries, query_drive, database, database_drive = self.drives(case)
        matcher = self.matcher(case)
        whole = self.searched(case, matcher)
        tolerance = self.option(case, "tolerance")
        for number in (3, 7):
            rows = np.flatnonzero(query_drive == number)
            alone = matcher.search(
                queries[rows], database, query_drive=query_drive[rows], database_drive=database_drive, k=3
            )
            said = "a drive has other answers alone than in one batch with another"
            check_same(case, said, alone, _rows(whole, rows), tolerance=tolerance)
        mixed = _interleaved(query_drive)
        found = matcher.search(
            queries[mixed], database, query_drive=query_drive[mixed], database_drive=database_drive, k=3
        )
        said = "a drive has other answers when images of another stand between its own; go by query_drive"
        check_same(case, said, found, _rows(whole, mixed), tolerance=tolerance)

    def test_the_order_of_the_databases_drives_is_without_meaning(self, case: Case) -> None:
        """A sequence never reaches over the end of a drive: whatever stands before, after or between makes no odds."""
        queries, query_drive, database, database_drive = self.drives(case)
        matcher = self.matcher(case)
        whole = self.searched(case, matcher)
        swapped = np.argsort(-database_drive, kind="stable")
        for said, order in {
            "the database's drives in another order": swapped,
            "the database's drives image by image in turns": _interleaved(database_drive),
        }.items():
            found = matcher.search(
                queries, database[order], query_drive=query_drive, database_drive=database_drive[order], k=3
            )
            check_same(
                case,
                f"{said} give other answers; go by database_drive",
                Answers(found.distance, order[found.index]),
                whole,
                tolerance=self.option(case, "tolerance"),
            )

    def test_a_repeated_drive_is_found(self, case: Case) -> None:
        """A drive that is driven once more, image for image, finds itself."""
        _, _, database, database_drive = self.drives(case)
        rows = np.flatnonzero(database_drive == 1)
        found = self.matcher(case).search(
            database[rows], database, query_drive=np.zeros(len(rows), np.int64), database_drive=database_drive, k=1
        )
        share = float((np.abs(found.index[:, 0] - rows) <= self.option(case, "near")).mean())
        case.require(
            share >= self.option(case, "min_recall"),
            f"of a drive that is repeated exactly it finds {share:.2f} within {self.option(case, 'near')} frames, "
            f"min_recall is {self.option(case, 'min_recall')}",
        )

    def test_input_is_left_alone(self, case: Case) -> None:
        """Arrays are read only, whatever their memory layout; a second search gives the same bits."""
        queries, query_drive, database, database_drive = self.drives(case)
        matcher = self.matcher(case)
        whole = self.searched(case, matcher)
        given = [np.repeat(item, 2, axis=0)[::2] for item in (queries, database, query_drive, database_drive)]
        kept = [item.copy() for item in given]
        found = matcher.search(given[0], given[1], query_drive=given[2], database_drive=given[3], k=3)
        case.require(
            all(np.array_equal(a, b) for a, b in zip(given, kept, strict=True)), "search changes its input; copy first"
        )
        check_same(case, "strided arrays give other answers", found, whole, tolerance=self.option(case, "tolerance"))
        again = self.searched(case, matcher)
        case.require(
            np.array_equal(again.index, whole.index) and np.array_equal(again.distance, whole.distance),
            "the same search gives another result the second time; keep nothing from one search to the next",
        )

    def test_bad_input_refused(self, case: Case) -> None:
        """NaN, other dimensions, drives of another length, ``k`` out of range: refused by `ValueError`."""
        queries, query_drive, database, database_drive = self.drives(case)
        matcher = self.matcher(case)
        nan = queries.copy()
        nan[2, 3] = np.nan
        infinite = database.copy()
        infinite[1, 0] = np.inf
        good = (queries, database, query_drive, database_drive, 2)
        bad: dict[str, tuple[int, Any]] = {
            "NaN among the queries": (0, nan),
            "infinity in the database": (1, infinite),
            "queries of another dimension": (0, queries[:, :-1]),
            "a query without its axis": (0, queries[0]),
            "drives of fewer queries": (2, query_drive[:-1]),
            "drives of fewer database images": (3, database_drive[:-1]),
            "k=0": (4, 0),
            f"k={len(database) + 1} in a database of {len(database)}": (4, len(database) + 1),
        }
        for name, (place, value) in bad.items():
            given = [*good[:place], value, *good[place + 1 :]]
            refused(case, f"search takes {name}", _search(matcher, *given))

    def test_config_fields_matter(self, case: Case) -> None:
        """Each parameter changes answers or distances."""
        check_fields_matter(case, lambda config: self.observe(case, config))

    def observe(self, case: Case, config: ComponentConfig) -> str:
        """Digest of a search."""
        found = self.searched(case, self.matcher(case, config), k=10)
        return digest(found.distance, found.index)


def _search(
    matcher: Any, queries: Any, database: Any, query_drive: Any, database_drive: Any, k: int
) -> Callable[[], Any]:
    return lambda: matcher.search(queries, database, query_drive=query_drive, database_drive=database_drive, k=k)


def _walk(generator: np.random.Generator, frames: int, dim: int) -> Float32Array:
    steps = generator.normal(size=(frames, dim))
    rows = np.empty((frames, dim))
    rows[0] = steps[0]
    for number in range(1, frames):
        rows[number] = 0.8 * rows[number - 1] + 0.6 * steps[number]
    return unit(rows)


def _interleaved(drive: Int64Array) -> Int64Array:
    """Rows of all drives in turns, those of each in order."""
    turn = np.empty(len(drive), dtype=np.int64)
    for number in np.unique(drive):
        rows = np.flatnonzero(drive == number)
        turn[rows] = np.arange(len(rows))
    return np.lexsort((drive, turn))


def _rows(found: Any, rows: Int64Array) -> Answers:
    return Answers(found.distance[rows], found.index[rows])
