from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from vpr_pooling import AveragePooling, MaxPooling

LAYERS = [MaxPooling, AveragePooling]


def published(features: Tensor, kind: type, *, normalize_input: bool = False) -> Tensor:
    rows = []
    for image in features.double():
        values = []
        locations = image.flatten(1)
        if normalize_input:
            norms = [math.sqrt(1e-12 + float((x * x).sum())) for x in locations.T]
            locations = locations / torch.tensor(norms)
        for channel in locations:
            values.append(max(channel.tolist()) if kind is MaxPooling else sum(channel.tolist()) / len(channel))
        v = torch.tensor(values, dtype=torch.float64)
        rows.append(v / math.sqrt(1e-12 + float((v * v).sum())))
    return torch.stack(rows)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("normalize_input", [False, True])
@pytest.mark.parametrize("shape", [(1, 5, 1, 1), (3, 5, 4, 3)])
def test_equals_the_definition(kind: type, normalize_input: bool, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    features = torch.randn(*shape)
    layer = kind(in_channels=5, normalize_input=normalize_input)
    expected = published(features, kind, normalize_input=normalize_input)
    torch.testing.assert_close(layer(features).double(), expected, atol=1e-6, rtol=0)
    last = features.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(layer(last).double(), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("normalize_input", [False, True])
def test_gradcheck(kind: type, normalize_input: bool) -> None:
    torch.manual_seed(0)
    features = torch.randn(2, 3, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(kind(in_channels=3, normalize_input=normalize_input), (features,))


@pytest.mark.parametrize("kind", LAYERS)
def test_zero_map_stays_zero_with_zero_gradient(kind: type) -> None:
    features = torch.zeros(2, 4, 3, 3, requires_grad=True)
    descriptors = kind(in_channels=4)(features)
    assert torch.equal(descriptors, torch.zeros(2, 4))
    descriptors.sum().backward()
    assert features.grad is not None
    assert torch.equal(features.grad, torch.zeros_like(features))


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_and_large_activations(kind: type, dtype: torch.dtype) -> None:
    half = (6e4 * torch.rand(2, 4, 30, 40)).to(dtype)
    with torch.autocast("cpu", dtype=dtype):
        descriptors = kind(in_channels=4)(half)
    assert descriptors.dtype == torch.float32
    torch.testing.assert_close(descriptors.double(), published(half, kind), atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", LAYERS)
def test_has_no_state(kind: type) -> None:
    layer = kind(in_channels=4)
    assert not layer.state_dict()
    assert layer.out_dim == 4
    assert layer.orderless
    assert "in_channels=4" in repr(layer)


@pytest.mark.parametrize("kind", LAYERS)
def test_refuses(kind: type) -> None:
    with pytest.raises(ValueError, match="in_channels must be an integer of 1 or more, got 0"):
        kind(in_channels=0)
    with pytest.raises(ValueError, match="features has 3 channels"):
        kind(in_channels=4)(torch.zeros(1, 3, 2, 2))
