"""What is recorded for every size of map, interval by interval, and against what eager mode does."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch
from torch import Tensor

from vpr_modern_pooling import convap, crn, rmac
from vpr_modern_pooling.intervals import inside, interval_means, recording

SIZES = [(h, w) for h in range(1, 9) for w in (1, 2, 3, 4, 7, 8, 13)]
GRIDS = [(1, 1), (2, 2), (3, 5), (9, 1)]


@pytest.fixture(params=[False, True], ids=["eager", "recorded"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both forms of each layer; the second is what an exported graph holds."""
    for module in (convap, crn, rmac):
        monkeypatch.setattr(module, "recording", lambda: request.param)
    return str(request.param)


def maps(size: tuple[int, int]) -> Tensor:
    return torch.randn(2, 3, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_positions_inside_intervals() -> None:
    found = inside(torch.tensor([0, 2, 3, 5]), torch.tensor([1, 4, 3, 9]), 6)
    assert found.int().tolist() == [[1, 0, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0], [0] * 6, [0, 0, 0, 0, 0, 1]]


def test_means_over_boxes_that_overlap() -> None:
    x = maps((5, 6))
    rows, columns = [(0, 5), (1, 2), (3, 5)], [(0, 3), (2, 6)]
    found = interval_means(
        x,
        (torch.tensor([a for a, _ in rows]), torch.tensor([b for _, b in rows])),
        (torch.tensor([a for a, _ in columns]), torch.tensor([b for _, b in columns])),
    )
    for i, (top, bottom) in enumerate(rows):
        for j, (left, right) in enumerate(columns):
            torch.testing.assert_close(found[:, :, i, j], x[:, :, top:bottom, left:right].mean(dim=(2, 3)))


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_means_over_the_cells_of_a_grid(grid: tuple[int, int], form: str) -> None:
    for size in SIZES:
        x = maps(size)
        found = convap.cell_means(x, grid)
        assert found.shape == (2, 3, *grid)
        for i in range(grid[0]):
            rows = slice(i * size[0] // grid[0], math.ceil(Fraction((i + 1) * size[0], grid[0])))
            for j in range(grid[1]):
                columns = slice(j * size[1] // grid[1], math.ceil(Fraction((j + 1) * size[1], grid[1])))
                expected = x[:, :, rows, columns].mean(dim=(2, 3))
                torch.testing.assert_close(found[:, :, i, j], expected, atol=1e-14, rtol=0)


def test_means_at_every_second_location(form: str) -> None:
    for size in SIZES:
        x = maps(size)
        found = crn.halved(x)
        tops, lefts = ([i for i in range(0, side, 2) if i == 0 or i + 1 < side] for side in size)
        assert found.shape == (2, 3, len(tops), len(lefts))
        for i, top in enumerate(tops):
            for j, left in enumerate(lefts):
                expected = x[:, :, top : top + 3, left : left + 3].mean(dim=(2, 3))
                torch.testing.assert_close(found[:, :, i, j], expected, atol=1e-14, rtol=0)


@pytest.mark.parametrize("levels", [1, 4])
def test_regions_of_both_forms_are_the_same(levels: int) -> None:
    for size in [*SIZES, (13, 2), (20, 15), (9, 5)]:
        x = maps(size) - 10.0  # what a region has not must not pass for a maximum
        plain = list(rmac._regions(x, levels))
        recorded = list(rmac._regions_of_any_size(x, levels))
        assert len(recorded) == levels
        for level, found in enumerate(recorded):
            rows, columns = plain[level].shape[2:] if level < len(plain) else (0, 0)
            if level < len(plain):
                assert torch.equal(found[:, :, :rows, :columns], plain[level])
            assert not found[:, :, rows:].any()
            assert not found[:, :, :, columns:].any()


def test_of_two_numbers_of_regions_as_near_to_two_fifths_the_smaller_is_taken() -> None:
    for shorter in range(1, 40):
        for longer in range(shorter + 1, 3 * shorter + 10):
            off = {m: abs(1 - Fraction(longer - shorter, (m - 1) * shorter) - Fraction(2, 5)) for m in range(2, 8)}
            assert rmac.regions_along(longer, shorter) == min(off, key=lambda m: (off[m], m))
    assert rmac.regions_along(9, 5) == 2  # 2 squares overlap by 20 %, 3 by 60 %


def test_eager_mode_records_nothing() -> None:
    assert not recording()
