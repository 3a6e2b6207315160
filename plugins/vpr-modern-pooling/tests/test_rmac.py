from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from vpr_modern_pooling import RMAC
from vpr_modern_pooling.rmac import region_starts, regions_along


def unit(x: Tensor) -> Tensor:
    return x / max(math.sqrt(float((x * x).sum())), 1e-12)


def published_rmac(features: Tensor, levels: int = 3) -> Tensor:
    """Region by region, with the grid as in the paper: l x (l + m - 1) squares of side 2 min(h, w) / (l + 1)."""
    rows = []
    for image in features.double():
        height, width = image.shape[1:]
        short, long = sorted((height, width))
        m = 1
        if long > short:
            overlaps = {count: 1 - ((long - short) / (count - 1)) / short for count in (2, 3, 4, 5, 6, 7)}
            m = min(overlaps, key=lambda count: (abs(overlaps[count] - 0.4), count))
        total = unit(torch.stack([channel.max() for channel in image]))
        for level in range(1, levels + 1):
            side = math.floor(2 * short / (level + 1))
            if side == 0:
                continue
            down = level + (m - 1 if height > width else 0)
            across = level + (m - 1 if width > height else 0)
            for i in range(down):
                for j in range(across):
                    top = 0 if down == 1 else i * (height - side) // (down - 1)
                    left = 0 if across == 1 else j * (width - side) // (across - 1)
                    region = image[:, top : top + side, left : left + side]
                    total = total + unit(torch.stack([channel.max() for channel in region]))
        rows.append(unit(total))
    return torch.stack(rows)


SIZES = [(1, 1), (1, 9), (2, 3), (6, 6), (5, 8), (8, 5), (15, 20), (4, 21)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("levels", [1, 3, 4])
def test_equals_the_published_sum(size: tuple[int, int], levels: int) -> None:
    features = torch.randn(2, 5, *size, generator=torch.Generator().manual_seed(1))
    layer = RMAC(in_channels=5, levels=levels)
    expected = published_rmac(features, levels)
    torch.testing.assert_close(layer(features).double(), expected, atol=2e-6, rtol=0)
    torch.testing.assert_close(layer(features.double()), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_regions_cover_the_map_from_border_to_border(size: tuple[int, int]) -> None:
    short, long = sorted(size)
    starts = region_starts(long, short, regions_along(long, short))
    assert starts[0] == 0
    assert starts[-1] + short == long


def test_neighbours_overlap_by_about_two_fifths() -> None:
    for long in range(33, 90):
        m = regions_along(long, 32)
        starts = region_starts(long, 32, m)
        overlap = 1 - (starts[1] - starts[0]) / 32
        others = [1 - (long - 32) / ((k - 1) * 32) for k in range(2, 8)]
        assert abs(overlap - 0.4) <= min(abs(other - 0.4) for other in others) + 1 / 32  # whole pixels


def test_nothing_is_trained() -> None:
    assert not RMAC(in_channels=3).state_dict()
    assert not list(RMAC(in_channels=3).parameters())


def test_a_zero_map_stays_zero() -> None:
    assert not RMAC(in_channels=3)(torch.zeros(2, 3, 4, 5)).any()


def test_constructor_refuses() -> None:
    with pytest.raises(ValueError, match="levels must be an integer of 1 or more, got 0"):
        RMAC(in_channels=3, levels=0)
