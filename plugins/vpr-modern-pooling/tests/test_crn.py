from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from vpr_modern_pooling import CRN, crn_from_authors

State = dict[str, Tensor]


def unit(x: Tensor) -> Tensor:
    return x / max(math.sqrt(float((x * x).sum())), 1e-12)


def authors_state(channels: int, clusters: int) -> State:
    g = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return 0.3 * torch.randn(*shape, generator=g, dtype=torch.float64)

    state = {"centroids": draw(clusters, channels), "conv.weight": 10 * draw(clusters, channels, 1, 1)}
    for size, count in ((3, 32), (5, 32), (7, 20)):
        state[f"crn.filter_{size}_{size}.weight"] = draw(count, channels, size, size)
        state[f"crn.filter_{size}_{size}.bias"] = draw(count)
    ones = torch.ones(1, 84, 1, 1, dtype=torch.float64)
    return state | {"crn.acc_w.weight": ones, "crn.acc_w.bias": torch.zeros(1, dtype=torch.float64)}


def halved(image: Tensor) -> Tensor:
    """Mean over 3 x 3 windows that start at every second location and are cut off at the border."""
    height, width = image.shape[1:]
    tops = [i for i in range(0, height, 2) if i == 0 or i + 1 < height]
    lefts = [j for j in range(0, width, 2) if j == 0 or j + 1 < width]
    return torch.stack(
        [torch.stack([image[:, i : i + 3, j : j + 3].mean(dim=(1, 2)) for j in lefts], dim=1) for i in tops], dim=1
    )


def reweighting(state: State, image: Tensor) -> Tensor:
    """Mask of an image of unit features ``(C, h, w)``."""
    height, width = image.shape[1:]
    coarse = halved(image)
    mask = torch.zeros(coarse.shape[1:], dtype=torch.float64)
    for size in (3, 5, 7):
        weight, bias = state[f"crn.filter_{size}_{size}.weight"], state[f"crn.filter_{size}_{size}.bias"]
        half = size // 2
        padded = torch.zeros(len(image), *(side + 2 * half for side in mask.shape), dtype=torch.float64)
        padded[:, half : half + mask.shape[0], half : half + mask.shape[1]] = coarse
        for i in range(mask.shape[0]):
            for j in range(mask.shape[1]):
                patch = padded[:, i : i + size, j : j + size]
                mask[i, j] += sum(max(float((g * patch).sum() + b), 0.0) for g, b in zip(weight, bias, strict=True))
    found = torch.zeros(height, width, dtype=torch.float64)
    for i in range(height):
        for j in range(width):
            y = min(max((i + 0.5) * mask.shape[0] / height - 0.5, 0), mask.shape[0] - 1)
            x = min(max((j + 0.5) * mask.shape[1] / width - 0.5, 0), mask.shape[1] - 1)
            top, left = int(y), int(x)
            below, right = min(top + 1, mask.shape[0] - 1), min(left + 1, mask.shape[1] - 1)
            upper = (1 - (x - left)) * mask[top, left] + (x - left) * mask[top, right]
            lower = (1 - (x - left)) * mask[below, left] + (x - left) * mask[below, right]
            found[i, j] = (1 - (y - top)) * upper + (y - top) * lower
    return found


def published_crn(state: State, features: Tensor) -> Tensor:
    """V_k = sum_n m_n a_kn (x_n - c_k), location by location."""
    rows = []
    w, c = state["conv.weight"].flatten(1), state["centroids"]
    for image in features.double():
        image = torch.stack([torch.stack([unit(x) for x in row.T], dim=1) for row in image.transpose(0, 1)], dim=1)
        mask = reweighting(state, image)
        residuals = torch.zeros_like(c)
        for i in range(image.shape[1]):
            for j in range(image.shape[2]):
                x = image[:, i, j]
                exponentials = [math.exp(float(wk @ x)) for wk in w]
                for k, value in enumerate(exponentials):
                    residuals[k] += mask[i, j] * value / sum(exponentials) * (x - c[k])
        rows.append(unit(torch.cat([unit(v) for v in residuals])))
    return torch.stack(rows)


@pytest.mark.parametrize("size", [(4, 6), (10, 8), (2, 2), (5, 7), (1, 1), (1, 4), (3, 3)], ids=str)
def test_equals_the_published_layer(size: tuple[int, int]) -> None:
    state = authors_state(4, 3)
    features = torch.randn(2, 4, *size, generator=torch.Generator().manual_seed(1))
    features[0, :, 0, 0] = 0.0
    layer = CRN(in_channels=4, num_clusters=3)
    layer.load_state_dict(crn_from_authors(state))
    expected = published_crn(state, features)
    torch.testing.assert_close(layer(features).double(), expected, atol=5e-6, rtol=0)
    layer.double().load_state_dict(crn_from_authors(state))
    torch.testing.assert_close(layer(features.double()), expected, atol=1e-12, rtol=0)
    unit_features = torch.nn.functional.normalize(features[1].double(), dim=0)
    mask = layer.reweighting(features.double())
    torch.testing.assert_close(mask[1, 0], reweighting(state, unit_features), atol=1e-12, rtol=0)


def test_on_maps_of_even_sides_the_mask_is_doubled_as_published() -> None:
    layer = CRN(in_channels=4, num_clusters=3)
    x = torch.nn.functional.normalize(torch.randn(1, 4, 6, 8), dim=1)
    coarse = torch.nn.AvgPool2d(3, stride=2, ceil_mode=True)(x)
    total = sum(filters(coarse).relu().sum(dim=1, keepdim=True) for filters in layer.filters())
    doubled = torch.nn.functional.interpolate(total, scale_factor=2, mode="bilinear")
    torch.testing.assert_close(layer.reweighting(x), doubled, atol=1e-6, rtol=0)


def test_a_weighted_sum_of_filters_is_refused() -> None:
    for name in ("crn.acc_w.weight", "crn.acc_w.bias"):
        state = authors_state(4, 3)
        state[name] = state[name] + 0.5
        with pytest.raises(ValueError, match="acc_w is not the plain sum"):
            crn_from_authors(state)


def test_start_from_netvlad_keeps_the_filters() -> None:
    layer = CRN(in_channels=4, num_clusters=3)
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    netvlad = {"assignment_weight": torch.randn(3, 4), "centroids": torch.randn(3, 4)}
    layer.start_from_netvlad(netvlad)
    after = layer.state_dict()
    assert all(torch.equal(after[name], value) for name, value in netvlad.items())
    assert all(torch.equal(after[name], before[name]) for name in before if name.startswith("context"))
    with pytest.raises(ValueError, match="state has no 'centroids', it has assignment_weight"):
        layer.start_from_netvlad({"assignment_weight": netvlad["assignment_weight"]})
    with pytest.raises(ValueError, match=r"centroids must have shape \(3, 4\), got \(2, 4\)"):
        layer.start_from_netvlad(netvlad | {"centroids": torch.zeros(2, 4)})


def test_start_from_features_follows_the_published_rule() -> None:
    g = torch.Generator().manual_seed(0)
    sample = torch.randn(6, 5, generator=g, dtype=torch.float64)[torch.arange(300) % 6]
    sample = sample + 0.05 * torch.randn(300, 5, generator=g, dtype=torch.float64)
    layer = CRN(in_channels=5, num_clusters=6).double()
    layer.init_from_features(sample, generator=torch.Generator().manual_seed(1))
    points = torch.stack([unit(x) for x in sample])
    centres = layer.centroids.detach()
    nearest = [min(range(6), key=lambda k: float(((x - centres[k]) ** 2).sum())) for x in points]
    for k in range(6):  # a fixed point of Lloyd's algorithm
        mine = [x for x, n in zip(points, nearest, strict=True) if n == k]
        torch.testing.assert_close(centres[k], sum(mine) / len(mine), atol=1e-9, rtol=0)
    gaps = []
    for x in points:
        cosines = sorted((float(x @ unit(c)) for c in centres), reverse=True)
        gaps.append(cosines[0] - cosines[1])
    alpha = math.log(100) / (sum(gaps) / len(gaps))
    torch.testing.assert_close(layer.assignment_weight.detach(), torch.stack([alpha * unit(c) for c in centres]))


def test_start_is_a_function_of_the_generator() -> None:
    points = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
    layers = [CRN(in_channels=4, num_clusters=7) for _ in range(3)]
    for layer, seed in zip(layers, (3, 3, 4), strict=True):
        layer.init_from_features(points, generator=torch.Generator().manual_seed(seed))
    one, two, other = (layer.centroids for layer in layers)
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_start_refuses_with_what_to_do() -> None:
    layer = CRN(in_channels=3, num_clusters=4)
    with pytest.raises(ValueError, match=r"features must have shape \(N, 3\), got \(9, 2\)"):
        layer.init_from_features(torch.zeros(9, 2))
    with pytest.raises(ValueError, match="2 rows, too few for num_clusters=4"):
        layer.init_from_features(torch.randn(2, 3))
    with pytest.raises(ValueError, match=r"distinct|different"):
        layer.init_from_features(torch.ones(20, 3))
    with pytest.raises(ValueError, match="NaN or infinity"):
        layer.init_from_features(torch.full((20, 3), torch.nan))
