"""The sequence contract passes sound matchers and catches each fault, and nothing but that fault."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from pydantic import Field

from vpr_core import ComponentConfig, SequenceSpec
from vpr_core.testing import SequenceContract, Trial, breaches
from vpr_core.testing.answers import Answers


class Config(ComponentConfig):
    type: Literal["mean"] = "mean"
    length: int = Field(default=3, ge=1, description="Frames of a sequence.")


class Mean:
    """A sound matcher: the mean of the last descriptors of a drive, on both sides."""

    def __init__(self, length: int = 3) -> None:
        self.length = length

    def search(self, queries: Any, database: Any, *, query_drive: Any, database_drive: Any, k: int) -> Any:
        self.check(queries, database, query_drive, database_drive, k)
        known = self.smoothed(database, database_drive)
        return self.nearest(self.smoothed(queries, query_drive), known, k)

    def check(self, queries: Any, database: Any, query_drive: Any, database_drive: Any, k: int) -> None:
        for rows, drive in ((queries, query_drive), (database, database_drive)):
            if rows.ndim != 2 or drive.shape != rows.shape[:1] or not np.isfinite(rows).all():
                raise ValueError("rows must be finite, (N, D), with a drive each")
        if queries.shape[1] != database.shape[1]:
            raise ValueError("queries and database must have one dimension")
        if not 1 <= k <= len(database):
            raise ValueError(f"k must be 1 to {len(database)}")

    def smoothed(self, rows: Any, drive: Any) -> Any:
        kept = np.empty(rows.shape)
        for number in np.unique(drive):
            places = np.flatnonzero(drive == number)
            for place, row in enumerate(places):
                kept[row] = rows[self.window(places, place)].astype(np.float64).mean(axis=0)
        return kept

    def window(self, places: Any, place: int) -> Any:
        return places[max(0, place + 1 - self.length) : place + 1]

    def nearest(self, queries: Any, database: Any, k: int) -> Any:
        every = np.linalg.norm(queries[:, None] - database[None], axis=2).astype(np.float32)
        index = np.argsort(every, axis=1, kind="stable")[:, :k]
        return Answers(np.take_along_axis(every, index, axis=1), index)


def spec_of(matcher: Any) -> SequenceSpec[Any]:
    return SequenceSpec(name="mean", config=Config, build=lambda config: matcher(config.length), summary="A mean.")


class Sum(Mean):
    """Sound too: a cost of its own scale, as SeqSLAM has one."""

    def nearest(self, queries: Any, database: Any, k: int) -> Any:
        found = super().nearest(queries, database, k)
        return Answers(found.distance * self.length, found.index)


@pytest.mark.parametrize("matcher", [Mean, Sum])
def test_a_sound_matcher_keeps_the_contract(matcher: Any) -> None:
    assert breaches(SequenceContract, spec_of(matcher)) == {}


class Centred(Mean):
    """Smooths with the images that are still to come."""

    def window(self, places: Any, place: int) -> Any:
        return places[max(0, place + 2 - self.length) : place + 2]


class Whitened(Mean):
    """Takes off the mean of all queries that it is asked at once."""

    def smoothed(self, rows: Any, drive: Any) -> Any:
        kept = super().smoothed(rows, drive)
        return kept - kept.mean(axis=0) if len(kept) < 70 else kept


class OneDrive(Mean):
    """Forgets that there are several drives among the queries."""

    def smoothed(self, rows: Any, drive: Any) -> Any:
        return super().smoothed(rows, drive if len(rows) == 80 else np.zeros_like(drive))


class OneRoute(Mean):
    """Forgets that there are several drives in the database."""

    def smoothed(self, rows: Any, drive: Any) -> Any:
        return super().smoothed(rows, np.zeros_like(drive) if len(rows) == 80 else drive)


class Remembers(Mean):
    """Adds what it was asked before."""

    before = 0.0

    def nearest(self, queries: Any, database: Any, k: int) -> Any:
        found = super().nearest(queries, database, k)
        self.before += 1e-3
        return Answers(found.distance + self.before, found.index)


class NotYet(Mean):
    """Has no answer before a sequence is full."""

    def nearest(self, queries: Any, database: Any, k: int) -> Any:
        found = super().nearest(queries, database, k)
        found.index[: self.length - 1] = -1
        return found


class Endless(Mean):
    """An infinite cost where a sequence does not fit."""

    def nearest(self, queries: Any, database: Any, k: int) -> Any:
        found = super().nearest(queries, database, k)
        found.distance[:1, -1:] = np.inf
        return found


class Lost(Mean):
    """Answers backwards: the farthest first."""

    def nearest(self, queries: Any, database: Any, k: int) -> Any:
        every = -np.linalg.norm(queries[:, None] - database[None], axis=2).astype(np.float32)
        index = np.argsort(every, axis=1, kind="stable")[:, :k]
        return Answers(np.take_along_axis(every, index, axis=1), index)


class Unchecked(Mean):
    def check(self, queries: Any, database: Any, query_drive: Any, database_drive: Any, k: int) -> None:
        pass


class InPlace(Mean):
    def search(self, queries: Any, database: Any, *, query_drive: Any, database_drive: Any, k: int) -> Any:
        found = super().search(queries, database, query_drive=query_drive, database_drive=database_drive, k=k)
        queries += 0.0
        queries[:1] = 0
        return found


class Fixed(Mean):
    def __init__(self, length: int = 3) -> None:
        super().__init__(3)


BROKEN: dict[type, dict[str, str]] = {
    Centred: {"test_the_future_is_not_used": "use what came before a query only"},
    Whitened: {
        "test_the_future_is_not_used": "asked after 1 images",
        "test_drives_are_independent": "a drive has other answers alone than in one batch with another",
    },
    OneDrive: {"test_drives_are_independent": "a drive has other answers alone than in one batch"},
    OneRoute: {"test_the_order_of_the_databases_drives_is_without_meaning": "go by database_drive"},
    Remembers: {
        "test_input_is_left_alone": "distances differ",
        "test_the_future_is_not_used": "distances differ",
        "test_drives_are_independent": "distances differ",
        "test_the_order_of_the_databases_drives_is_without_meaning": "distances differ",
    },
    NotYet: {"test_result_form": "returns positions outside 0..79"},
    Endless: {"test_result_form": "distances that are not finite"},
    Lost: {"test_a_repeated_drive_is_found": "min_recall is 0.8"},
    Unchecked: {"test_bad_input_refused": "search takes NaN among the queries without a word"},
    InPlace: {"test_input_is_left_alone": "search changes its input; copy first"},
    Fixed: {"test_config_fields_matter": "the field 'length' changes nothing"},
}


@pytest.mark.parametrize(("matcher", "expected"), BROKEN.items(), ids=[matcher.__name__ for matcher in BROKEN])
def test_a_fault_is_caught_with_what_to_do(matcher: Any, expected: dict[str, str]) -> None:
    found = breaches(SequenceContract, spec_of(matcher))
    assert expected.keys() <= found.keys(), found
    for test, said in expected.items():
        assert found[test].startswith("sequence 'mean': ")
        assert said in found[test]
    if matcher in (Centred, OneDrive, OneRoute, Lost, Fixed):
        assert set(found) == set(expected)


def test_the_bound_of_recall_is_the_authors_to_set() -> None:
    trial = Trial(options={"min_recall": 0.0})
    assert breaches(SequenceContract, spec_of(Lost), trial) == {}
