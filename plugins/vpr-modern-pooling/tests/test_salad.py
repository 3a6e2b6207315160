from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from vpr_modern_pooling import SALAD, salad_from_authors
from vpr_modern_pooling.transport import dustbin_assignment


def unit(x: Tensor) -> Tensor:
    return x / max(math.sqrt(float((x * x).sum())), 1e-12)


def authors_state(channels: int, clusters: int, dim: int, token: int, hidden: int) -> dict[str, Tensor]:
    g = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g, dtype=torch.float64)

    state = {"dust_bin": torch.tensor(0.7, dtype=torch.float64)}
    for name, last, out in (("cluster_features", 3, dim), ("score", 3, clusters)):
        state |= {
            f"{name}.0.weight": draw(hidden, channels, 1, 1),
            f"{name}.0.bias": draw(hidden),
            f"{name}.{last}.weight": draw(out, hidden, 1, 1),
            f"{name}.{last}.bias": draw(out),
        }
    return state | {
        "token_features.0.weight": draw(hidden, channels),
        "token_features.0.bias": draw(hidden),
        "token_features.2.weight": draw(token, hidden),
        "token_features.2.bias": draw(token),
    }


def published_transport(scores: Tensor, dustbin: float, iterations: int) -> Tensor:
    """Sinkhorn by masses, not logarithms: scale rows to a, columns to b, of exp(M), and multiply by m + n."""
    m, n = scores.shape
    matrix = torch.exp(torch.cat((scores.double(), torch.full((1, n), dustbin, dtype=torch.float64))))
    a = [1 / (m + n)] * m + [(n - m) / (m + n)]
    b = 1 / (m + n)
    right = [1.0] * n
    for _ in range(iterations):
        left = [a[k] / sum(float(matrix[k, i]) * right[i] for i in range(n)) for k in range(m + 1)]
        right = [b / sum(float(matrix[k, i]) * left[k] for k in range(m + 1)) for i in range(n)]
    plan = [[left[k] * float(matrix[k, i]) * right[i] * (m + n) for i in range(n)] for k in range(m)]
    return torch.tensor(plan, dtype=torch.float64)


def published_salad(state: dict[str, Tensor], features: Tensor, token: Tensor, iterations: int) -> Tensor:
    rows = []
    for image, t in zip(features.double(), token.double(), strict=True):

        def perceptron(name: str, last: int, x: Tensor) -> Tensor:
            first, second = state[f"{name}.0.weight"].flatten(1), state[f"{name}.{last}.weight"].flatten(1)
            return second @ (first @ x + state[f"{name}.0.bias"]).clamp(min=0) + state[f"{name}.{last}.bias"]

        locations = list(image.flatten(1).T)
        f = [perceptron("cluster_features", 3, x) for x in locations]
        scores = torch.stack([perceptron("score", 3, x) for x in locations], dim=1)
        plan = published_transport(scores, float(state["dust_bin"]), iterations)
        v = [unit(sum(plan[k, n] * f[n] for n in range(len(f)))) for k in range(len(plan))]
        flat = [v[k][d] for d in range(len(f[0])) for k in range(len(plan))]
        rows.append(unit(torch.cat((unit(perceptron("token_features", 2, t)), torch.stack(flat)))))
    return torch.stack(rows)


@pytest.mark.parametrize("size", [(3, 4), (1, 5), (7, 3)])
@pytest.mark.parametrize("iterations", [1, 3])
def test_equals_the_published_layer(size: tuple[int, int], iterations: int) -> None:
    g = torch.Generator().manual_seed(1)
    features, token = torch.randn(2, 6, *size, generator=g), torch.randn(2, 6, generator=g)
    state = authors_state(6, 4, 3, 5, 7)
    layer = SALAD(in_channels=6, num_clusters=4, cluster_dim=3, token_dim=5, hidden=7, iterations=iterations).eval()
    layer.load_state_dict(salad_from_authors(state))
    expected = published_salad(state, features, token, iterations)
    assert expected.shape == (2, layer.out_dim)
    torch.testing.assert_close(layer(features, token).double(), expected, atol=5e-6, rtol=0)
    layer.double().load_state_dict(salad_from_authors(state))
    torch.testing.assert_close(layer(features.double(), token.double()), expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize(("clusters", "locations"), [(1, 2), (3, 4), (5, 20)])
@pytest.mark.parametrize("iterations", [1, 2, 10])
def test_transport_equals_sinkhorn_by_masses(clusters: int, locations: int, iterations: int) -> None:
    scores = torch.randn(2, clusters, locations, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    plan = dustbin_assignment(scores, torch.tensor(1.0), iterations=iterations)
    for image, found in zip(scores, plan, strict=True):
        torch.testing.assert_close(found, published_transport(image, 1.0, iterations), atol=1e-12, rtol=0)


def test_after_many_iterations_masses_are_as_asked() -> None:
    """Every cluster receives 1, the dustbin the rest, every location gives 1."""
    scores = torch.randn(3, 4, 11, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    plan = dustbin_assignment(scores, torch.tensor(1.0), iterations=500)
    torch.testing.assert_close(plan.sum(dim=2), torch.ones(3, 4, dtype=torch.float64), atol=1e-9, rtol=0)
    assert (plan.sum(dim=1) <= 1 + 1e-12).all()
    torch.testing.assert_close(plan.sum(dim=(1, 2)), torch.full((3,), 4.0, dtype=torch.float64), atol=1e-9, rtol=0)


def test_dustbin_and_bias_of_the_scores_cancel() -> None:
    """Why neither is trained: adding a constant to a row changes nothing, to the last bits."""
    scores = torch.randn(2, 3, 8, dtype=torch.float64)
    plan = dustbin_assignment(scores, torch.tensor(1.0), iterations=3)
    torch.testing.assert_close(dustbin_assignment(scores, torch.tensor(-9.0), iterations=3), plan, atol=1e-13, rtol=0)
    shifted = scores + torch.randn(1, 3, 1, dtype=torch.float64)
    torch.testing.assert_close(dustbin_assignment(shifted, torch.tensor(1.0), iterations=3), plan, atol=1e-13, rtol=0)
    frozen = [name for name, item in SALAD(in_channels=3).named_parameters() if not item.requires_grad]
    assert sorted(frozen) == ["dustbin", "score.outer.bias"]


@pytest.mark.parametrize("scale", [1e3, 1e6])
def test_transport_of_huge_scores_is_finite(scale: float) -> None:
    scores = (scale * torch.randn(2, 3, 8)).requires_grad_()
    plan = dustbin_assignment(scores, torch.tensor(1.0))
    assert torch.isfinite(plan).all()
    assert (plan.sum(dim=1) <= 1.001).all()
    plan.square().sum().backward()
    assert scores.grad is not None
    assert torch.isfinite(scores.grad).all()


def test_transport_gradcheck() -> None:
    scores = torch.randn(2, 3, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s: dustbin_assignment(s, torch.tensor(1.0, dtype=torch.float64)), (scores,))


def test_assignment_is_that_of_forward() -> None:
    layer = SALAD(in_channels=5, num_clusters=3, cluster_dim=2, token_dim=0).eval()
    features = torch.randn(2, 5, 4, 3)
    weights = layer.assignment(features)
    assert weights.shape == (2, 3, 4, 3)
    f = layer.reduce(features.flatten(2).transpose(1, 2))
    sums = torch.einsum("bkn,bnl->blk", weights.flatten(2), f)
    expected = torch.nn.functional.normalize(torch.nn.functional.normalize(sums, dim=1).flatten(1), dim=1)
    torch.testing.assert_close(layer(features), expected)


def test_without_a_token_the_branch_is_gone() -> None:
    layer = SALAD(in_channels=5, num_clusters=3, cluster_dim=2, token_dim=0).eval()
    assert not layer.uses_global_token
    assert not [name for name in layer.state_dict() if name.startswith("token")]
    assert layer(torch.randn(2, 5, 2, 2)).shape == (2, 6)


def test_dropout_only_in_training_and_not_of_the_token() -> None:
    layer = SALAD(in_channels=5, num_clusters=2, cluster_dim=2, token_dim=4, dropout=0.5)
    features, token = torch.randn(1, 5, 3, 3), torch.randn(1, 5)
    one, two = layer(features, token), layer(features, token)
    assert not torch.equal(one[:, 4:], two[:, 4:])
    torch.testing.assert_close(one[:, :4] / one[:, :4].norm(), two[:, :4] / two[:, :4].norm())
    layer.eval()
    assert torch.equal(layer(features, token), layer(features, token))


def test_refuses_with_what_to_do() -> None:
    layer = SALAD(in_channels=5, num_clusters=4, cluster_dim=2, token_dim=3)
    with pytest.raises(ValueError, match=r"features has 4 locations, transport to 4 clusters needs more"):
        layer(torch.zeros(1, 5, 2, 2), torch.zeros(1, 5))
    with pytest.raises(ValueError, match=r"token must have shape \(1, 5\), got none: take a backbone with a global"):
        layer(torch.zeros(1, 5, 3, 3))
    with pytest.raises(ValueError, match=r"token must have shape \(2, 5\), got \(1, 5\)"):
        layer(torch.zeros(2, 5, 3, 3), torch.zeros(1, 5))
    with pytest.raises(ValueError, match="dropout must be at least 0 and below 1, got 1"):
        SALAD(in_channels=5, dropout=1.0)
    with pytest.raises(ValueError, match="token_dim must be an integer of 0 or more, got -1"):
        SALAD(in_channels=5, token_dim=-1)
