from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vpr_pooling import VLAD, NetVLAD
from vpr_pooling.functional import inverse_norm, soft_assignment, vlad_aggregate, vlad_flatten
from vpr_pooling.fused import soft_residuals


def unit(x: Tensor) -> Tensor:
    """x / sqrt(1e-12 + |x|^2)"""
    return x / math.sqrt(1e-12 + float((x * x).sum()))


def published_netvlad(
    features: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    centroids: Tensor,
    *,
    normalize_input: bool = True,
    intra_normalize: bool = True,
) -> Tensor:
    """V_k = sum_n a_k(x_n) (x_n - c_k), location by location, cluster by cluster."""
    images, channels, height, width = features.shape
    features, weight, centroids = features.double(), weight.double(), centroids.double()
    rows = []
    for b in range(images):
        residuals = torch.zeros(len(centroids), channels, dtype=torch.float64)
        for i in range(height):
            for j in range(width):
                x = features[b, :, i, j]
                x = unit(x) if normalize_input else x
                scores = [float(w @ x) for w in weight]
                if bias is not None:
                    scores = [score + float(bias[k]) for k, score in enumerate(scores)]
                top = max(scores)
                exponentials = [math.exp(score - top) for score in scores]
                for k, value in enumerate(exponentials):
                    residuals[k] += value / sum(exponentials) * (x - centroids[k])
        if intra_normalize:
            residuals = torch.stack([unit(v) for v in residuals])
        rows.append(unit(torch.cat(list(residuals))))
    return torch.stack(rows)


def published_vlad(
    features: Tensor, centroids: Tensor, *, normalize_input: bool = True, intra_normalize: bool = True
) -> Tensor:
    """Each location's residual goes to its nearest centre alone."""
    images, channels, height, width = features.shape
    features, centroids = features.double(), centroids.double()
    rows = []
    for b in range(images):
        residuals = torch.zeros(len(centroids), channels, dtype=torch.float64)
        for i in range(height):
            for j in range(width):
                x = unit(features[b, :, i, j]) if normalize_input else features[b, :, i, j]
                k = min(range(len(centroids)), key=lambda k: float(((x - centroids[k]) ** 2).sum()))
                residuals[k] += x - centroids[k]
        if intra_normalize:
            residuals = torch.stack([unit(v) for v in residuals])
        rows.append(unit(torch.cat(list(residuals))))
    return torch.stack(rows)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make(channels: int = 7, clusters: int = 5, **options: object) -> NetVLAD:
    torch.manual_seed(3)
    layer = NetVLAD(in_channels=channels, num_clusters=clusters, **options)  # type: ignore[arg-type]
    layer.init_from_features(torch.randn(200, channels), generator=seeded())
    with torch.no_grad():  # decoupled: no relation between the three may be relied on
        for parameter in layer.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return layer


FORMS = [
    {"form": "v1"},
    {"form": "v2"},
    {"form": "v2", "normalize_input": False},
    {"form": "v1", "intra_normalize": False},
    {"form": "v2", "normalize_input": False, "intra_normalize": False},
]


@pytest.mark.parametrize("options", FORMS, ids=lambda o: "-".join(str(v) for v in o.values()))
@pytest.mark.parametrize("shape", [(1, 7, 1, 1), (2, 7, 3, 5), (3, 7, 1, 4)])
def test_equals_the_published_sum(options: dict[str, object], shape: tuple[int, ...]) -> None:
    layer = make(**options)
    features = torch.randn(*shape)
    expected = published_netvlad(
        features,
        layer.assignment_weight.detach(),
        None if layer.assignment_bias is None else layer.assignment_bias.detach(),
        layer.centroids.detach(),
        normalize_input=layer.normalize_input,
        intra_normalize=layer.intra_normalize,
    )
    torch.testing.assert_close(layer(features).double(), expected, atol=2e-6, rtol=0)
    torch.testing.assert_close(layer.double()(features.double()), expected, atol=1e-12, rtol=0)


@settings(max_examples=25, deadline=None)
@given(
    images=st.integers(1, 3),
    channels=st.integers(1, 9),
    clusters=st.integers(1, 6),
    height=st.integers(1, 4),
    width=st.integers(1, 4),
    seed=st.integers(0, 2**16),
)
def test_equals_the_published_sum_on_any_shape(
    images: int, channels: int, clusters: int, height: int, width: int, seed: int
) -> None:
    generator = seeded(seed)
    layer = NetVLAD(in_channels=channels, num_clusters=clusters, form="v2").double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    features = torch.randn(images, channels, height, width, generator=generator, dtype=torch.float64)
    expected = published_netvlad(
        features, layer.assignment_weight.detach(), layer.assignment_bias.detach(), layer.centroids.detach()
    )
    torch.testing.assert_close(layer(features), expected, atol=1e-9, rtol=0)


@pytest.mark.parametrize("layout", ["channels_last", "sliced", "transposed", "expanded"])
def test_memory_layout_does_not_matter(layout: str) -> None:
    layer = make()
    features = torch.randn(2, 7, 4, 6)
    views = {
        "channels_last": features.contiguous(memory_format=torch.channels_last),
        "sliced": torch.cat([features, features], dim=1)[:, :7],
        "transposed": features.transpose(2, 3).contiguous().transpose(2, 3),
        "expanded": features[:1].expand(2, -1, -1, -1),
    }
    view = views[layout]
    torch.testing.assert_close(layer(view), layer(view.clone(memory_format=torch.contiguous_format)))


@pytest.mark.parametrize("options", FORMS, ids=lambda o: "-".join(str(v) for v in o.values()))
def test_gradcheck(options: dict[str, object]) -> None:
    layer = make(4, 3, **options).double()
    features = torch.randn(2, 4, 2, 3, dtype=torch.float64, requires_grad=True)
    parameters = dict(layer.named_parameters())

    def run(x: Tensor, *values: Tensor) -> Tensor:
        return torch.func.functional_call(layer, dict(zip(parameters, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(run, (features, *parameters.values()))


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("with_bias", [True, False])
def test_hand_written_gradient_equals_autograd(normalize: bool, with_bias: bool) -> None:
    torch.manual_seed(0)
    inputs = [torch.randn(3, 5, 8), torch.randn(4, 5), torch.randn(4), torch.randn(4, 5)]
    inputs[0][1, :, 2] = 0.0
    seed = torch.randn(3, 4, 5)

    def gradients(plain: bool) -> list[Tensor]:
        x, w, b, c = (value.clone().requires_grad_() for value in inputs)
        bias = b if with_bias else None
        if plain:
            scale = inverse_norm(x, dim=1) if normalize else None
            out = vlad_aggregate(x, soft_assignment(x, w, bias, scale), c, scale)
        else:
            out = soft_residuals(x, w, bias, c, normalize=normalize)
        wanted = [x, w, c, *([b] if with_bias else [])]
        return [out, *torch.autograd.grad(out, wanted, seed)]

    for ours, expected in zip(gradients(False), gradients(True), strict=True):
        torch.testing.assert_close(ours, expected, atol=2e-5, rtol=1e-4)


def test_a_second_derivative_is_refused_not_wrong() -> None:
    layer = make()
    features = torch.randn(1, 7, 2, 2, requires_grad=True)
    (first,) = torch.autograd.grad(layer(features)[0, 0], features, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


def test_frozen_parameters_and_features_get_no_gradient() -> None:
    layer = make()
    layer.assignment_weight.requires_grad_(False)
    layer(torch.randn(2, 7, 3, 3)).sum().backward()
    assert layer.assignment_weight.grad is None
    assert layer.centroids.grad is not None


def test_rows_have_unit_norm_and_declared_dimension() -> None:
    layer = make(7, 5)
    descriptors = layer(torch.randn(4, 7, 3, 3))
    assert descriptors.shape == (4, layer.out_dim) == (4, 35)
    torch.testing.assert_close(descriptors.norm(dim=1), torch.ones(4))
    assert layer.orderless


def test_cluster_major_order() -> None:
    layer = make(7, 5)
    features = torch.randn(1, 7, 3, 3)
    x = torch.nn.functional.normalize(features.flatten(2), dim=1)[0]
    a = layer.assignment(features).flatten(2)[0]
    third = a[2] @ x.T - a[2].sum() * layer.centroids[2]
    block = layer(features)[0, 2 * 7 : 3 * 7]
    torch.testing.assert_close(block, third / third.norm() / math.sqrt(5), atol=1e-5, rtol=1e-5)


def test_scaling_a_location_changes_nothing() -> None:
    layer = make()
    features = torch.rand(2, 7, 3, 4) + 0.1
    scaled = features * torch.rand(2, 1, 3, 4).add(0.5)
    torch.testing.assert_close(layer(features), layer(scaled), atol=1e-5, rtol=0)


def test_v2_with_centres_of_equal_norm_is_v1() -> None:
    torch.manual_seed(0)
    centroids = 0.8 * torch.nn.functional.normalize(torch.randn(6, 9, dtype=torch.float64), dim=1)
    sample, features = torch.randn(300, 9, dtype=torch.float64), torch.randn(2, 9, 3, 3, dtype=torch.float64)
    v1 = NetVLAD(in_channels=9, num_clusters=6, form="v1").double()
    v2 = NetVLAD(in_channels=9, num_clusters=6, form="v2").double()
    v1.init_from_centroids(centroids, features=sample)
    v2.init_from_centroids(centroids, features=sample)
    torch.testing.assert_close(v1(features), v2(features), atol=1e-10, rtol=0)


@pytest.mark.parametrize("form", ["v1", "v2"])
def test_geometric_mean_of_the_two_best_assignments_is_100(form: str) -> None:
    torch.manual_seed(1)
    sample = torch.randn(20, 16)[torch.randint(20, (3000,))] + 0.3 * torch.randn(3000, 16)
    layer = NetVLAD(in_channels=16, num_clusters=20, form=form).double()
    layer.init_from_features(sample.double(), generator=seeded())
    with torch.no_grad():
        assignment = layer.assignment(sample.double().T[None, :, :, None])[0, :, :, 0]
    best = assignment.topk(2, dim=0).values
    ratio = (best[0].log() - best[1].log()).mean().exp()
    assert ratio.item() == pytest.approx(100.0, rel=1e-6)


@pytest.mark.parametrize("form", ["v1", "v2"])
def test_parameters_follow_the_published_rule(form: str) -> None:
    torch.manual_seed(2)
    sample = torch.randn(500, 6, dtype=torch.float64)
    layer = NetVLAD(in_channels=6, num_clusters=4, form=form).double()
    layer.init_from_features(sample, generator=seeded())
    c = layer.centroids.detach()
    gaps = []
    for x in torch.nn.functional.normalize(sample, dim=1):
        if form == "v1":
            s = sorted((float(x @ ck / ck.norm()) for ck in c), reverse=True)
            gaps.append(s[0] - s[1])
        else:
            d = sorted(float(((x - ck) ** 2).sum()) for ck in c)
            gaps.append(d[1] - d[0])
    alpha = math.log(100) / (sum(gaps) / len(gaps))
    if form == "v1":
        torch.testing.assert_close(layer.assignment_weight.detach(), alpha * c / c.norm(dim=1, keepdim=True))
        assert layer.assignment_bias is None
    else:
        torch.testing.assert_close(layer.assignment_weight.detach(), 2 * alpha * c)
        torch.testing.assert_close(layer.assignment_bias.detach(), -alpha * c.square().sum(dim=1))


def test_soft_assignment_tends_to_hard_assignment() -> None:
    torch.manual_seed(0)
    hard = VLAD(in_channels=6, num_clusters=5)
    hard.init_from_features(torch.randn(300, 6), generator=seeded())
    soft = NetVLAD(in_channels=6, num_clusters=5, form="v2")
    with torch.no_grad():
        soft.centroids.copy_(hard.centroids)
        soft.assignment_weight.copy_(2e5 * hard.centroids)
        soft.assignment_bias.copy_(-1e5 * hard.centroids.square().sum(dim=1))
    features = torch.randn(3, 6, 4, 4)
    torch.testing.assert_close(soft(features), hard(features), atol=1e-4, rtol=0)


@pytest.mark.parametrize("intra_normalize", [True, False])
def test_vlad_equals_nearest_centre_sums(intra_normalize: bool) -> None:
    torch.manual_seed(0)
    layer = VLAD(in_channels=6, num_clusters=5, intra_normalize=intra_normalize)
    layer.init_from_features(torch.randn(300, 6), generator=seeded())
    features = torch.randn(3, 6, 4, 3)
    expected = published_vlad(features, layer.centroids, intra_normalize=intra_normalize)
    torch.testing.assert_close(layer(features).double(), expected, atol=2e-6, rtol=0)
    assert not list(layer.parameters())
    assert list(layer.state_dict()) == ["centroids"]


def test_vlad_passes_the_gradient_of_its_residuals() -> None:
    layer = VLAD(in_channels=4, num_clusters=3).double()
    features = torch.randn(1, 4, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, (features,))


def test_init_is_reproducible_and_depends_on_the_generator() -> None:
    sample = torch.randn(500, 6)
    first, second, third = (NetVLAD(in_channels=6, num_clusters=8) for _ in range(3))
    first.init_from_features(sample, generator=seeded(4))
    second.init_from_features(sample, generator=seeded(4))
    third.init_from_features(sample, generator=seeded(5))
    assert torch.equal(first.centroids, second.centroids)
    assert not torch.equal(first.centroids, third.centroids)


def test_init_normalises_the_sample_as_forward_does() -> None:
    torch.manual_seed(0)
    sample = torch.randn(400, 6)
    plain, scaled = (NetVLAD(in_channels=6, num_clusters=4) for _ in range(2))
    plain.init_from_features(sample, generator=seeded())
    scaled.init_from_features(sample * 50.0, generator=seeded())
    torch.testing.assert_close(plain.centroids, scaled.centroids)
    assert plain.centroids.detach().norm(dim=1).max().item() < 1.0  # means of unit vectors


def test_state_dict_names_and_round_trip() -> None:
    assert sorted(make(form="v1").state_dict()) == ["assignment_weight", "centroids"]
    trained = make(form="v2")
    assert sorted(trained.state_dict()) == ["assignment_bias", "assignment_weight", "centroids"]
    fresh = NetVLAD(in_channels=7, num_clusters=5, form="v2")
    fresh.load_state_dict(trained.state_dict())
    features = torch.randn(2, 7, 3, 3)
    assert torch.equal(fresh(features), trained(features))


def test_one_cluster() -> None:
    layer = NetVLAD(in_channels=5, num_clusters=1)
    layer.init_from_features(torch.randn(50, 5), generator=seeded())
    assert torch.isfinite(layer(torch.randn(2, 5, 3, 3))).all()


def test_empty_batch() -> None:
    assert make()(torch.randn(0, 7, 3, 3)).shape == (0, 35)


# --- bad numbers


def test_zero_map_has_a_unit_descriptor_and_no_gradient_to_the_map() -> None:
    layer = make()
    features = torch.zeros(2, 7, 3, 3, requires_grad=True)
    descriptors = layer(features)
    torch.testing.assert_close(descriptors.norm(dim=1), torch.ones(2))
    descriptors.sum().backward()
    assert features.grad is not None
    assert float(features.grad.abs().max()) == 0.0
    assert all(torch.isfinite(p.grad).all() for p in layer.parameters() if p.grad is not None)


def test_a_zero_location_among_others_leaves_the_gradient_bounded() -> None:
    layer = make()
    features = torch.randn(1, 7, 3, 3)
    features[0, :, 1, 1] = 0.0
    features.requires_grad_()
    layer(features).square().mul(torch.arange(35.0)).sum().backward()
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()
    assert float(features.grad[0, :, 1, 1].abs().max()) == 0.0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_keeps_float32_sums(dtype: torch.dtype) -> None:
    layer = make(form="v2")
    half = (100.0 * torch.randn(2, 7, 20, 20)).to(dtype)
    expected = layer(half.float())
    with torch.autocast("cpu", dtype=dtype):
        descriptors = layer(half)
        assert descriptors.dtype == torch.float32
    torch.testing.assert_close(descriptors, expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_backward_inside_autocast_keeps_float32(dtype: torch.dtype) -> None:
    layer, seed = make(), torch.randn(2, 35)
    features = torch.randn(2, 7, 5, 5, requires_grad=True)
    (expected,) = torch.autograd.grad(layer(features), features, seed)
    with torch.autocast("cpu", dtype=dtype):
        (gradient,) = torch.autograd.grad(layer(features), features, seed)
    torch.testing.assert_close(gradient, expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_module(dtype: torch.dtype) -> None:
    layer = make().to(dtype)
    descriptors = layer(torch.full((1, 7, 4, 4), 6e4).to(dtype))
    assert descriptors.dtype == torch.float32
    torch.testing.assert_close(descriptors.norm(dim=1), torch.ones(1))


def test_large_activations() -> None:
    layer = make()
    features = torch.full((1, 7, 4, 4), 6e4, dtype=torch.float16)
    torch.testing.assert_close(layer(features), layer(torch.ones(1, 7, 4, 4)), atol=1e-6, rtol=0)


def test_nan_is_not_hidden() -> None:
    features = torch.randn(2, 7, 3, 3)
    features[1, 0, 0, 0] = float("nan")
    descriptors = make()(features)
    assert torch.isfinite(descriptors[0]).all()
    assert torch.isnan(descriptors[1]).any()


def test_batch_size_does_not_change_a_descriptor() -> None:
    layer = make(32, 16)
    features = torch.randn(9, 32, 6, 7)
    together = layer(features)
    alone = torch.cat([layer(image[None]) for image in features])
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=0)


# --- bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"in_channels": 0}, "in_channels must be an integer of 1 or more, got 0"),
        ({"in_channels": 4, "num_clusters": -1}, "num_clusters must be an integer"),
        ({"in_channels": 4, "num_clusters": 2.5}, "num_clusters must be an integer"),
        ({"in_channels": 4, "form": "v3"}, "form must be 'v1' or 'v2', got 'v3'"),
        ({"in_channels": 4, "normalize_input": False}, "use form='v2'"),
    ],
)
def test_constructor_refuses(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NetVLAD(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (torch.zeros(2, 6, 3, 3), "features has 6 channels"),
        (torch.zeros(7, 3, 3), r"must have shape \(B, 7, h, w\), got \(7, 3, 3\)"),
        (torch.zeros(2, 7, 0, 3), "has no locations"),
        (torch.zeros(2, 7, 3, 3, dtype=torch.uint8), "floating point, got torch.uint8"),
    ],
)
def test_forward_refuses(features: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()(features)


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (torch.randn(3, 7), "features has 3 rows, too few for num_clusters=5"),
        (torch.randn(50, 6), r"shape \(N, 7\), got \(50, 6\)"),
        (torch.full((50, 7), float("nan")), "50 rows of 50 with NaN"),
        (torch.ones(50, 7), "distinct local features"),
        (torch.zeros(50, 7), "distinct local features"),
    ],
)
def test_init_refuses_and_leaves_the_layer_alone(sample: Tensor, message: str) -> None:
    layer = make()
    before = layer.centroids.clone()
    with pytest.raises(ValueError, match=message):
        layer.init_from_features(sample, generator=seeded())
    assert torch.equal(layer.centroids, before)


def test_init_from_centroids_refuses_another_shape() -> None:
    with pytest.raises(ValueError, match=r"centroids must have shape \(5, 7\), got \(4, 7\)"):
        make().init_from_centroids(torch.randn(4, 7), features=torch.randn(20, 7))


def test_flatten_without_intra_normalisation_keeps_proportions() -> None:
    residuals = torch.tensor([[[3.0, 0.0], [0.0, 4.0]]])
    torch.testing.assert_close(vlad_flatten(residuals, intra_normalize=False), torch.tensor([[0.6, 0.0, 0.0, 0.8]]))
    half = math.sqrt(0.5)
    torch.testing.assert_close(vlad_flatten(residuals), torch.tensor([[half, 0.0, 0.0, half]]))


@pytest.mark.parametrize("normalize_input", [True, False])
def test_vlad_leaves_zero_locations_out_when_asked(normalize_input: bool) -> None:
    """With zero locations among them the descriptor is that of the others alone; without the option it is not."""
    generator = torch.Generator().manual_seed(3)
    sample = torch.rand(200, 6, generator=generator)
    sample[::3] = 0
    layer = VLAD(in_channels=6, num_clusters=4, normalize_input=normalize_input, ignore_zeros=True)
    layer.init_from_features(sample, generator=seeded())
    without = VLAD(in_channels=6, num_clusters=4, normalize_input=normalize_input)
    without.init_from_features(sample[sample.any(dim=1)], generator=seeded())
    torch.testing.assert_close(layer.centroids, without.centroids, atol=0, rtol=0)
    features = torch.rand(2, 6, 5, 3, generator=generator)
    padded = torch.cat([features, torch.zeros(2, 6, 4, 3)], dim=2)
    expected = published_vlad(features, layer.centroids, normalize_input=normalize_input)
    torch.testing.assert_close(layer(padded).double(), expected, atol=2e-6, rtol=0)
    assert (without(padded) - without(features)).abs().max() > 1e-3
    assert not layer(torch.zeros(1, 6, 2, 2)).any()
    with pytest.raises(ValueError, match="clusters"):
        layer.init_from_features(torch.zeros(50, 6))
