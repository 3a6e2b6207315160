from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from vpr_modern_pooling import CosPlaceHead, cosplace_from_authors


def unit(x: Tensor) -> Tensor:
    return x / max(math.sqrt(float((x * x).sum())), 1e-12)


def authors_state(channels: int, dim: int, p: float) -> dict[str, Tensor]:
    g = torch.Generator().manual_seed(0)
    return {
        "1.p": torch.tensor([p], dtype=torch.float64),
        "3.weight": torch.randn(dim, channels, generator=g, dtype=torch.float64),
        "3.bias": torch.randn(dim, generator=g, dtype=torch.float64),
    }


def published_head(state: dict[str, Tensor], features: Tensor, eps: float = 1e-6) -> Tensor:
    """x / |x| at each location, (mean max(x, eps)^p)^(1/p) of each channel, W f + b, L2."""
    p = float(state["1.p"])
    rows = []
    for image in features.double():
        locations = [unit(x) for x in image.flatten(1).T]
        pooled = [
            (sum(max(float(x[c]), eps) ** p for x in locations) / len(locations)) ** (1 / p) for c in range(len(image))
        ]
        f = torch.tensor(pooled, dtype=torch.float64)
        rows.append(unit(torch.stack([w @ f + b for w, b in zip(state["3.weight"], state["3.bias"], strict=True)])))
    return torch.stack(rows)


@pytest.mark.parametrize("p", [1.0, 2.7, 8.0])
@pytest.mark.parametrize("shape", [(2, 6, 3, 4), (1, 6, 1, 1), (3, 6, 5, 1)])
def test_equals_the_published_head(p: float, shape: tuple[int, ...]) -> None:
    features = torch.randn(*shape, generator=torch.Generator().manual_seed(1))
    state = authors_state(6, 4, p)
    layer = CosPlaceHead(in_channels=6, dim=4)
    layer.load_state_dict(cosplace_from_authors(state))
    expected = published_head(state, features)
    torch.testing.assert_close(layer(features).double(), expected, atol=2e-6, rtol=0)
    layer.double().load_state_dict(cosplace_from_authors(state))
    torch.testing.assert_close(layer(features.double()), expected, atol=1e-12, rtol=0)


def test_scaling_a_location_changes_nothing() -> None:
    layer = CosPlaceHead(in_channels=5, dim=3)
    features = torch.rand(2, 5, 3, 4) + 0.1
    scaled = features * torch.rand(2, 1, 3, 4).add(0.5)
    torch.testing.assert_close(layer(features), layer(scaled), atol=1e-5, rtol=0)


@pytest.mark.parametrize("p", [1.0, 3.0, 50.0])
def test_features_at_the_floor_neither_vanish_nor_divide_by_zero(p: float) -> None:
    layer = CosPlaceHead(in_channels=4, dim=3, p=p)
    features = -torch.rand(2, 4, 3, 3)
    features.requires_grad_()
    descriptors = layer(features)
    torch.testing.assert_close(
        descriptors.double(),
        published_head(
            {
                "1.p": torch.tensor([p]),
                "3.weight": layer.projection.weight.detach().double(),
                "3.bias": layer.projection.bias.detach().double(),
            },
            features.detach(),
        ),
        atol=1e-5,
        rtol=0,
    )
    descriptors[:, 0].sum().backward()
    assert layer.p.grad is not None
    assert torch.isfinite(layer.p.grad).all()


@pytest.mark.parametrize("name", ["p", "eps"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
def test_constructor_refuses(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a finite number above 0"):
        CosPlaceHead(in_channels=3, **{name: value})  # type: ignore[arg-type]
