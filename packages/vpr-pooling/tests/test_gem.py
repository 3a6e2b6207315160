from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vpr_pooling import GeM


def unit(x: Tensor) -> Tensor:
    return x / math.sqrt(float((x * x).sum()))


def published_gem(features: Tensor, p: list[float], *, eps: float = 1e-6) -> Tensor:
    """f_c = (mean_n max(x, eps)^p)^(1/p), then L2."""
    rows = []
    for image in features.double():
        values = []
        for c, channel in enumerate(image.flatten(1)):
            exponent = p[c % len(p)]
            values.append((sum(max(float(x), eps) ** exponent for x in channel) / len(channel)) ** (1 / exponent))
        rows.append(unit(torch.tensor(values, dtype=torch.float64)))
    return torch.stack(rows)


@pytest.mark.parametrize("p", [1.0, 2.5, 3.0, 9.0])
@pytest.mark.parametrize("shape", [(1, 5, 1, 1), (3, 5, 4, 3)])
def test_equals_the_published_mean(p: float, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    features = torch.randn(*shape)
    layer = GeM(in_channels=5, p=p)
    torch.testing.assert_close(layer(features).double(), published_gem(features, [p]), atol=1e-6, rtol=1e-5)
    assert torch.equal(layer(features.transpose(2, 3)), layer(features.transpose(2, 3).contiguous()))


@settings(max_examples=40, deadline=None)
@given(p=st.floats(0.2, 12.0), scale=st.floats(1e-4, 1e4), seed=st.integers(0, 2**16))
def test_equals_the_published_mean_at_any_exponent_and_scale(p: float, scale: float, seed: int) -> None:
    features = scale * torch.randn(2, 3, 2, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    layer = GeM(in_channels=3, p=p).double()
    layer.p.detach().fill_(p)
    torch.testing.assert_close(layer(features), published_gem(features, [p]), atol=1e-9, rtol=1e-7)


def test_one_exponent_a_channel() -> None:
    torch.manual_seed(0)
    features, exponents = torch.rand(2, 4, 3, 3), [1.0, 2.0, 3.0, 7.0]
    layer = GeM(in_channels=4, per_channel=True)
    assert layer.state_dict()["p"].shape == (4,)
    layer.p.detach().copy_(torch.tensor(exponents))
    torch.testing.assert_close(layer(features).double(), published_gem(features, exponents), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("options", [{}, {"per_channel": True}, {"normalize_input": True}, {"p": 1.0}])
def test_gradcheck(options: dict[str, object]) -> None:
    torch.manual_seed(0)
    layer = GeM(in_channels=3, **options).double()  # type: ignore[arg-type]
    features = torch.rand(2, 3, 2, 3, dtype=torch.float64).add(0.1).requires_grad_()

    def run(x: Tensor, p: Tensor) -> Tensor:
        return torch.func.functional_call(layer, {"p": p}, (x,))

    assert torch.autograd.gradcheck(run, (features, layer.p))


def test_one_is_the_mean_and_a_large_exponent_the_maximum() -> None:
    features = torch.rand(2, 6, 5, 5)
    mean = torch.nn.functional.normalize(features.mean(dim=(2, 3)), dim=1)
    maximum = torch.nn.functional.normalize(features.amax(dim=(2, 3)), dim=1)
    torch.testing.assert_close(GeM(in_channels=6, p=1.0)(features), mean)
    torch.testing.assert_close(GeM(in_channels=6, p=5000.0)(features), maximum, atol=1e-3, rtol=0)


@pytest.mark.parametrize("p", [0.5, 1.0, 3.0, 20.0])
@pytest.mark.parametrize("value", [0.0, -1.0, 1e-30, 6e4])
def test_constant_maps_give_finite_rows_and_gradients(p: float, value: float) -> None:
    layer = GeM(in_channels=4, p=p)
    features = torch.full((2, 4, 3, 3), value, requires_grad=True)
    descriptors = layer(features)
    torch.testing.assert_close(descriptors, torch.full((2, 4), 0.5), atol=1e-5, rtol=0)
    descriptors[:, 0].sum().backward()
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()
    assert layer.p.grad is not None
    assert torch.isfinite(layer.p.grad).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_neither_overflows_nor_rounds(dtype: torch.dtype) -> None:
    layer = GeM(in_channels=4)
    half = (6e4 * torch.rand(2, 4, 9, 9)).to(dtype)
    with torch.autocast("cpu", dtype=dtype):
        descriptors = layer(half)
    assert descriptors.dtype == torch.float32
    torch.testing.assert_close(descriptors.double(), published_gem(half, [3.0]), atol=1e-6, rtol=1e-5)


def test_exponent_can_be_fixed() -> None:
    assert not GeM(in_channels=3, trainable=False).p.requires_grad
    assert GeM(in_channels=3).p.requires_grad


@pytest.mark.parametrize("name", ["p", "eps"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
def test_constructor_refuses(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a finite number above 0"):
        GeM(in_channels=3, **{name: value})


def test_forward_refuses_other_channels() -> None:
    with pytest.raises(ValueError, match="features has 4 channels"):
        GeM(in_channels=3)(torch.zeros(1, 4, 2, 2))
