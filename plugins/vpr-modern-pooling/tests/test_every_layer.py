"""What holds for all of them: layout, precision, zero and huge input, gradient, torch.compile, refusals."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from vpr_modern_pooling import CRN, RMAC, SALAD, BoQ, ConvAP, CosPlaceHead, MixVPR
from vpr_modern_pooling.normalization import l2_normalize

C, H, W = 6, 5, 4
LAYERS: dict[str, Callable[[], nn.Module]] = {
    "convap": lambda: ConvAP(in_channels=C, channels=4),
    "cosplace": lambda: CosPlaceHead(in_channels=C, dim=5),
    "mixvpr": lambda: MixVPR(in_channels=C, map_size=(H, W), channels=4, rows=2, depth=2),
    "salad": lambda: SALAD(in_channels=C, num_clusters=3, cluster_dim=2, token_dim=4, hidden=8),
    "salad-no-token": lambda: SALAD(in_channels=C, num_clusters=3, cluster_dim=2, token_dim=0, hidden=8),
    "boq": lambda: BoQ(in_channels=C, channels=8, num_queries=3, rows=2, head_dim=4),
    "rmac": lambda: RMAC(in_channels=C),
    "crn": lambda: CRN(in_channels=C, num_clusters=3),
}
each = pytest.mark.parametrize("name", LAYERS)


def make(name: str) -> nn.Module:
    torch.manual_seed(0)
    layer = LAYERS[name]().eval()
    with torch.no_grad():
        for parameter in layer.parameters():  # nothing may rely on how a parameter starts
            parameter.add_(0.1 * torch.randn_like(parameter))
    return layer


def maps(batch: int = 3, seed: int = 1) -> Tensor:
    features = torch.randn(batch, C, H, W, generator=torch.Generator().manual_seed(seed))
    features[0, :, 0, 0] = 0.0
    return features


def call(layer: nn.Module, features: Tensor) -> Tensor:
    """Describe; the token is a function of each map alone."""
    if getattr(layer, "uses_global_token", False):
        result: Tensor = layer(features, features.mean(dim=(2, 3)).roll(1, dims=1))
    else:
        result = layer(features)
    return result


@each
def test_unit_rows_of_the_declared_dimension(name: str) -> None:
    layer = make(name)
    descriptors = call(layer, maps())
    assert descriptors.shape == (3, layer.out_dim)
    torch.testing.assert_close(descriptors.norm(dim=1), torch.ones(3))
    assert call(layer, maps()[:0]).shape == (0, layer.out_dim)


@each
@pytest.mark.parametrize("layout", ["channels_last", "sliced", "transposed", "expanded"])
def test_memory_layout_does_not_matter(name: str, layout: str) -> None:
    features = maps()
    view = {
        "channels_last": features.contiguous(memory_format=torch.channels_last),
        "sliced": torch.cat([features, features], dim=1)[:, :C],
        "transposed": features.transpose(2, 3).contiguous().transpose(2, 3),
        "expanded": features[:1].expand(2, -1, -1, -1),
    }[layout]
    layer = make(name)
    torch.testing.assert_close(call(layer, view), call(layer, view.clone(memory_format=torch.contiguous_format)))


@each
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_in_is_float32_inside(name: str, dtype: torch.dtype) -> None:
    layer, half = make(name), maps().to(dtype)
    expected = call(layer, half.float())
    assert call(layer, half).dtype == torch.float32
    tolerance = {"atol": 1e-5 if name != "salad" else 5e-3, "rtol": 0.0}  # its token is a mean in half precision here
    torch.testing.assert_close(call(layer, half), expected, **tolerance)
    with torch.autocast("cpu", dtype=dtype):
        torch.testing.assert_close(call(layer, half), expected, **tolerance)
        torch.testing.assert_close(call(layer, maps()), call(layer, maps()).float(), atol=0, rtol=0)
    with torch.autocast("cpu", dtype=dtype):
        within = call(layer, maps())
    torch.testing.assert_close(within, call(layer, maps()), atol=1e-6, rtol=0)


@each
def test_a_layer_in_half_precision_still_computes_in_float32(name: str) -> None:
    layer = make(name).half()
    again = make(name)
    again.load_state_dict({key: value.float() for key, value in layer.state_dict().items()})
    torch.testing.assert_close(call(layer, maps()), call(again, maps()))
    assert call(layer, maps()).dtype == torch.float32


@each
@pytest.mark.parametrize("value", [0.0, 6e4, -6e4, 1e-30, 1e18])
def test_constant_maps_give_finite_rows_and_gradients(name: str, value: float) -> None:
    layer = make(name).train()
    features = torch.full((2, C, H, W), value, requires_grad=True)
    descriptors = call(layer, features)
    assert torch.isfinite(descriptors).all()
    assert (descriptors.norm(dim=1) < 1.001).all()
    descriptors[:, 0].sum().backward()
    gradients = [parameter.grad for parameter in layer.parameters() if parameter.grad is not None]
    assert all(torch.isfinite(gradient).all() for gradient in [features.grad, *gradients])


@each
def test_float16_activations_whose_squares_overflow(name: str) -> None:
    half = (6e4 * torch.rand(2, C, H, W, generator=torch.Generator().manual_seed(0))).half()
    layer = make(name)
    with torch.autocast("cpu", dtype=torch.float16):
        descriptors = layer(half, half[:, :, 0, 0]) if name == "salad" else layer(half)
    full = layer.double()
    expected = full(half.double(), half[:, :, 0, 0].double()) if name == "salad" else full(half.double())
    torch.testing.assert_close(descriptors.double(), expected, atol=2e-5, rtol=0)


@each
def test_nan_stays_in_its_image(name: str) -> None:
    features = maps()
    features[1, 2, 3, 1] = torch.nan
    layer = make(name)
    descriptors = call(layer, features)
    assert descriptors[1].isnan().any()
    torch.testing.assert_close(descriptors[[0, 2]], call(layer, maps())[[0, 2]])


@each
def test_gradcheck(name: str) -> None:
    layer = make(name).double()
    features = torch.randn(2, C, H, W, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    if name == "rmac":  # a maximum has no gradient where two locations share it
        assert len(features.unique()) == features.numel()
    parameters = {key: value for key, value in layer.named_parameters() if value.requires_grad}

    class Called(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: Tensor) -> Tensor:
            return call(self.layer, x)

    wrapped = Called()

    def run(x: Tensor, *values: Tensor) -> Tensor:
        named = {f"layer.{key}": value for key, value in zip(parameters, values, strict=True)}
        return torch.func.functional_call(wrapped, named, (x,))

    inputs = (features.requires_grad_(), *parameters.values())
    # fast_mode compares a random projection of the Jacobian: the whole of it has too many columns for some of them.
    assert torch.autograd.gradcheck(run, inputs, fast_mode=True)


@pytest.mark.parametrize("name", ["cosplace", "crn", "rmac"])  # those that bring features to unit length
def test_no_gradient_flows_through_a_zero_map(name: str) -> None:
    features = torch.zeros(1, C, H, W, requires_grad=True)
    call(make(name), features).sum().backward()
    assert features.grad is not None
    assert not features.grad.any()


@each
def test_orderless_is_what_it_says(name: str) -> None:
    layer, features = make(name).double(), maps().double()
    order = torch.randperm(H * W, generator=torch.Generator().manual_seed(3))
    mixed = features.flatten(2)[:, :, order].reshape(features.shape)
    off = float((call(layer, features) - call(layer, mixed)).detach().abs().max())
    assert off < 1e-12 if layer.orderless else off > 1e-4


@pytest.mark.slow
@each
def test_compiles_in_one_graph_with_the_same_gradient(name: str) -> None:
    layer = make(name)
    torch.compiler.reset()

    def run(features: Tensor, token: Tensor) -> Tensor:
        result: Tensor = layer(features, token) if name == "salad" else layer(features)
        return result

    compiled = torch.compile(run, fullgraph=True, backend="aot_eager")
    ours, expected, token = maps().requires_grad_(), maps().requires_grad_(), maps().mean(dim=(2, 3))
    seed = torch.randn(3, layer.out_dim, generator=torch.Generator().manual_seed(2))
    found = compiled(ours, token)
    torch.testing.assert_close(found, run(expected, token), atol=1e-6, rtol=0)
    found.backward(seed)
    run(expected, token).backward(seed)
    torch.testing.assert_close(ours.grad, expected.grad, atol=1e-5, rtol=1e-4)
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        within = compiled(maps(), token)
    torch.testing.assert_close(within, run(maps(), token).detach(), atol=1e-6, rtol=0)


@each
def test_refuses_what_is_no_feature_map(name: str) -> None:
    layer = make(name)
    with pytest.raises(ValueError, match=f"features has 7 channels .*in_channels={C}"):
        layer(torch.zeros(1, 7, H, W))
    with pytest.raises(ValueError, match=r"features must have shape \(B, 6, h, w\), got \(6, 5, 4\)"):
        layer(torch.zeros(C, H, W))
    with pytest.raises(ValueError, match=r"features must be floating point, got torch\.int64"):
        layer(torch.zeros(1, C, H, W, dtype=torch.int64))
    with pytest.raises(ValueError, match="features has no locations"):
        layer(torch.zeros(1, C, 0, W))
    with pytest.raises(ValueError, match="in_channels must be an integer of 1 or more, got 0"):
        type(layer)(**({"in_channels": 0} | ({"map_size": (1, 1)} if name == "mixvpr" else {})))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_l2_normalize_is_torchs_own(dtype: torch.dtype, dim: int) -> None:
    x = (10.0 * torch.randn(4, 3, 5)).to(dtype)
    expected = torch.nn.functional.normalize(x.double(), dim=dim)
    result = l2_normalize(x, dim=dim)
    assert result.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    torch.testing.assert_close(result.double(), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("magnitude", [1e-30, 1e-14, 1e-12, 1e-9, 1.0, 1e30])
def test_l2_normalize_at_any_magnitude(magnitude: float) -> None:
    x = torch.tensor([[3.0, -4.0], [0.0, 0.0]]) * magnitude
    expected = torch.nn.functional.normalize(x.double(), dim=1)
    torch.testing.assert_close(l2_normalize(x).double(), expected, atol=1e-6, rtol=1e-5)


def test_l2_normalize_gradcheck() -> None:
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(l2_normalize, (x,))
    assert torch.autograd.gradgradcheck(l2_normalize, (x,))
