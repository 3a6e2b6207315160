from __future__ import annotations

import array

import pytest
import torch

from vpr_losses import MiningRequest, Ragged


def test_rows_of_any_kind() -> None:
    rows = Ragged.from_rows([[3, 1], torch.tensor([5], dtype=torch.int32), [], array.array("q", [7, 8, 9])])
    assert [row.tolist() for row in rows.rows()] == [[3, 1], [5], [], [7, 8, 9]]
    assert rows.row(3).tolist() == [7, 8, 9]
    assert len(rows) == 4
    assert rows.values.dtype == torch.int64


def test_no_rows() -> None:
    rows = Ragged.from_rows([])
    assert len(rows) == 0
    assert rows.rows() == []


@pytest.mark.parametrize("row", [[0.5], [[1, 2]], [True]])
def test_rows_must_be_positions(row: object) -> None:
    with pytest.raises(ValueError, match=r"rows\[1\] must be 1-D whole numbers"):
        Ragged.from_rows([[1], row])


@pytest.mark.parametrize("offsets", [[0, 2], [1, 3], [0, 2, 1, 3], []])
def test_offsets_must_cut_the_values(offsets: list[int]) -> None:
    with pytest.raises(ValueError, match=r"offsets must rise from 0 to the number of values \(3\)"):
        Ragged(torch.arange(3), torch.tensor(offsets, dtype=torch.int64))


def test_tensors_must_be_int64() -> None:
    with pytest.raises(ValueError, match=r"values must be a 1-D int64 tensor, got torch.float32"):
        Ragged(torch.zeros(3), torch.tensor([0, 3]))


def request(**changes: object) -> MiningRequest:
    fields: dict[str, object] = {
        "queries": torch.tensor([4, 2]),
        "positives": Ragged.from_rows([[1], []]),
        "excluded": Ragged.from_rows([[1, 2], [3]]),
        "database_size": 9,
        "seed": 0,
        "epoch": 0,
    }
    return MiningRequest(**(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"queries": torch.tensor([4.0, 2.0])}, "queries must be a 1-D int64 tensor, got torch.float32"),
        ({"queries": torch.tensor([4, -2])}, "queries holds the position -2"),
        ({"database_size": 0}, "database_size must be 1 or more, got 0"),
        ({"positives": Ragged.from_rows([[1]])}, r"positives must have one row a query \(2\), got 1"),
        ({"excluded": Ragged.from_rows([[1], [9]])}, "excluded holds the database position 9; this database has"),
        ({"positives": Ragged.from_rows([[-1], []])}, "positives holds the database position -1"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(changes: dict[str, object], message: str) -> None:
    assert request().part == 0
    with pytest.raises(ValueError, match=message):
        request(**changes)
