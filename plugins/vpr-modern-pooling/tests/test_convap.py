from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from vpr_modern_pooling import ConvAP, convap_from_authors


def authors_state(channels: int, out: int, seed: int = 0) -> dict[str, Tensor]:
    g = torch.Generator().manual_seed(seed)
    return {
        "channel_pool.weight": torch.randn(out, channels, 1, 1, generator=g, dtype=torch.float64),
        "channel_pool.bias": torch.randn(out, generator=g, dtype=torch.float64),
    }


def published_convap(state: dict[str, Tensor], features: Tensor, grid: tuple[int, int]) -> Tensor:
    """Convolve every location, average over cells whose borders are rounded outwards, flatten channel-major, L2."""
    weight, bias = state["channel_pool.weight"][:, :, 0, 0], state["channel_pool.bias"]
    rows = []
    for image in features.double():
        height, width = image.shape[1:]
        values = []
        for d in range(len(weight)):
            for r in range(grid[0]):
                for c in range(grid[1]):
                    total, count = 0.0, 0
                    for i in range(r * height // grid[0], math.ceil((r + 1) * height / grid[0])):
                        for j in range(c * width // grid[1], math.ceil((c + 1) * width / grid[1])):
                            total += float(weight[d] @ image[:, i, j]) + float(bias[d])
                            count += 1
                    values.append(total / count)
        norm = math.sqrt(sum(value * value for value in values))
        rows.append(torch.tensor([value / norm for value in values], dtype=torch.float64))
    return torch.stack(rows)


@pytest.mark.parametrize("grid", [(2, 2), (1, 1), (3, 2)])
@pytest.mark.parametrize("shape", [(2, 5, 4, 6), (1, 5, 5, 7), (1, 5, 1, 1), (3, 5, 2, 1)])
def test_equals_the_published_layer(grid: tuple[int, int], shape: tuple[int, ...]) -> None:
    features = torch.randn(*shape, generator=torch.Generator().manual_seed(1))
    state = authors_state(5, 3)
    layer = ConvAP(in_channels=5, channels=3, grid=grid)
    layer.load_state_dict(convap_from_authors(state))
    expected = published_convap(state, features, grid)
    assert expected.shape == (shape[0], layer.out_dim)
    torch.testing.assert_close(layer(features).double(), expected, atol=2e-6, rtol=0)
    layer.double().load_state_dict(convap_from_authors(state))
    torch.testing.assert_close(layer(features.double()), expected, atol=1e-12, rtol=0)


def test_only_a_grid_of_one_cell_is_orderless() -> None:
    assert ConvAP(in_channels=4, grid=(1, 1)).orderless
    assert not ConvAP(in_channels=4).orderless


def test_constructor_refuses() -> None:
    with pytest.raises(ValueError, match=r"grid must be an integer of 1 or more, got 0"):
        ConvAP(in_channels=4, grid=(2, 0))
    with pytest.raises(ValueError, match=r"grid must be \(rows, columns\)"):
        ConvAP(in_channels=4, grid=(2,))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="channels must be an integer"):
        ConvAP(in_channels=4, channels=0)
