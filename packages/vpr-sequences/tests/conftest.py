"""Drives to search."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest


class Drives(NamedTuple):
    queries: npt.NDArray[np.float32]
    database: npt.NDArray[np.float32]
    query_drive: npt.NDArray[np.int64]
    database_drive: npt.NDArray[np.int64]


@pytest.fixture(scope="session")
def drives() -> Drives:
    """Two query drives in turns, and database drives of 1, 11 and 14 images, one of them repeating an image."""
    generator = np.random.default_rng(8)
    database = np.cumsum(generator.normal(size=(26, 7)), axis=0) + 3 * generator.normal(size=(26, 7))
    database[9] = database[8]
    database_drive = np.array([4] * 11 + [-2] + [9] * 14)
    queries = np.concatenate([database[1:10], database[13:26:2]]) + 0.5 * generator.normal(size=(16, 7))
    query_drive = np.array([1] * 9 + [0] * 7)
    mixed = np.argsort(generator.permutation(16), kind="stable")
    rows = np.empty(16, dtype=np.int64)
    for number in (0, 1):  # the images of each drive in the order of time, in turns with the other's
        rows[np.sort(mixed[query_drive == number])] = np.flatnonzero(query_drive == number)
    unit = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in (queries[rows], database)]
    return Drives(unit[0].astype(np.float32), unit[1].astype(np.float32), query_drive[rows], database_drive)
