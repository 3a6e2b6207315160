"""Every loss against its published formula, restated with loops in float64 (``formulas.py``)."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

import vpr_metric_learning as ours
from vpr_metric_learning.plugin import vpr_losses

_spec = importlib.util.spec_from_file_location("formulas", Path(__file__).with_name("formulas.py"))
f = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(f)

SPECS = {spec.name: spec for spec in vpr_losses()}
PAIRS = {
    "multi_similarity": (f.multi_similarity, [{}, {"alpha": 2.0, "beta": 40.0, "base": 0.5}]),
    "pml_contrastive": (f.contrastive, [{}, {"positive_margin": 0.3, "negative_margin": 1.3}]),
    "circle": (f.circle, [{}, {"margin": 0.25, "scale": 24.0}]),
    "supcon": (f.supcon, [{}, {"temperature": 0.3}]),
    "ntxent": (f.ntxent, [{}, {"temperature": 0.5}]),
}
TRIPLETS = {"batch_hard_triplet": f.batch_hard, "semi_hard_triplet": f.semi_hard, "batch_all_triplet": f.batch_all}
UNEVEN = [4, 1, 2, 3]
"""Images a place: odd sizes, and a place that is alone."""

CASES = [
    pytest.param(name, formula, fields | {"mining_epsilon": epsilon}, fields | {"epsilon": epsilon})
    for name, (formula, settings) in PAIRS.items()
    for fields in settings
    for epsilon in (None, 0.1, 0.4)
] + [
    pytest.param(name, formula, fields, fields)
    for name, formula in TRIPLETS.items()
    for fields in ({}, {"margin": 0.5}, {"margin": 0.3, "smooth": True})
]
CASES = [pytest.param(*case.values, id=f"{case.values[0]}-{number}") for number, case in enumerate(CASES)]


def build(name: str, **fields):
    return SPECS[name].build(SPECS[name].config(**fields))


def batch(sizes=UNEVEN, dim: int = 7, spread: float = 0.6, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Descriptors around one direction a place, in float64, shuffled and not unit."""
    rng = np.random.default_rng(seed)
    rows = [
        c + spread * rng.normal(size=(n, dim)) for n, c in zip(sizes, rng.normal(size=(len(sizes), dim)), strict=True)
    ]
    places = np.repeat(10 * np.arange(len(sizes)) + 3, sizes)
    order = rng.permutation(len(places))
    return torch.from_numpy(np.concatenate(rows)[order]), torch.from_numpy(places[order])


@pytest.mark.parametrize(("name", "formula", "fields", "arguments"), CASES)
def test_value_is_the_formulas(name, formula, fields, arguments) -> None:
    different = set()
    for spread in (0.2, 0.6, 1.5):
        x, places = batch(spread=spread)
        wanted = formula(f.Batch(x, places.tolist()), **arguments)
        got = build(name, **fields)(x, places)
        assert got.dtype == torch.float64
        assert float(got) == pytest.approx(wanted, rel=1e-9, abs=1e-12)
        different.add(wanted)
    assert len(different) > 1


@pytest.mark.parametrize(("name", "formula", "fields", "arguments"), CASES)
def test_against_others_only_they_are_compared_with(name, formula, fields, arguments) -> None:
    x, places = batch()
    y, y_places = batch(sizes=[2, 3, 1, 0, 2], seed=5)
    wanted = formula(f.Batch(x, places.tolist(), y, y_places.tolist()), **arguments)
    assert float(build(name, **fields).against(x, places, y, y_places)) == pytest.approx(wanted, rel=1e-9, abs=1e-12)
    assert wanted > 0


@pytest.mark.parametrize(("name", "formula", "fields", "arguments"), CASES[::2])
def test_gradient_is_the_formulas(name, formula, fields, arguments) -> None:
    """Central differences of the restated formula; circle's weights are constants to it."""
    if name == "circle":
        pytest.skip("the next test")
    x, places = batch(sizes=[2, 3, 1], dim=3)
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(build(name, **fields)(leaf, places), leaf)
    step = 1e-6
    for i in range(len(x)):
        for k in range(x.shape[1]):
            values = []
            for sign in (1, -1):
                moved = x.clone()
                moved[i, k] += sign * step
                values.append(formula(f.Batch(moved, places.tolist()), **arguments))
            assert float(gradient[i, k]) == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-4, abs=1e-6)


def test_the_weights_of_circle_pass_no_gradient() -> None:
    x, places = batch(sizes=[2, 2], dim=3)
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(build("circle", scale=8.0)(leaf, places), leaf)
    other = x.clone().requires_grad_()
    u = torch.nn.functional.normalize(other, dim=1)
    s = u @ u.T
    same = (places[:, None] == places[None, :]) & ~torch.eye(4, dtype=torch.bool)
    losses = []
    for i in range(4):
        up = sum(
            torch.exp(-8 * (1.4 - s[i, j]).detach().clamp(min=0) * (s[i, j] - 0.6)) for j in range(4) if same[i, j]
        )
        down = sum(
            torch.exp(8 * (s[i, j] + 0.4).detach().clamp(min=0) * (s[i, j] - 0.4))
            for j in range(4)
            if places[i] != places[j]
        )
        losses.append(torch.log1p(up * down))
    (wanted,) = torch.autograd.grad(torch.stack(losses).mean(), other)
    torch.testing.assert_close(gradient, wanted)
    assert gradient.abs().max() > 1e-3


def test_a_single_mined_pair_counts() -> None:
    """The library alone gives 0 here."""
    x = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8], [0.0, 1.0]], dtype=torch.float64)
    places = torch.tensor([0, 0, 1, 2])
    batch = f.Batch(x, places.tolist())
    mined = [(p, n) for _, p, n in batch.anchors(0.01)]
    assert mined == [([], []), ([0], [2]), ([], []), ([], [])]
    for name, (formula, _) in PAIRS.items():
        value = build(name, mining_epsilon=0.01)(x, places)
        assert value.item() == pytest.approx(formula(batch, epsilon=0.01), rel=1e-9)
        assert value.item() > 0.01


ALL = [name for name in SPECS if name != "cross_batch_memory"]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_lower_precision_is_the_float64_value_of_the_same_numbers(name: str, dtype: torch.dtype) -> None:
    x, places = batch()
    low = x.to(dtype).requires_grad_()
    value = build(name)(low, places)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(float(build(name)(low.detach().double(), places)), rel=2e-4)
    value.backward()
    assert torch.isfinite(low.grad).all()


@pytest.mark.parametrize("name", ALL)
def test_autocast_and_strides_change_nothing(name: str) -> None:
    x, places = batch()
    x = x.float()
    wanted = build(name)(x, places)
    strided = torch.stack((x, -x), dim=2)[..., 0]
    assert not strided.is_contiguous()
    assert torch.equal(build(name)(strided, places), wanted)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(build(name)(x, places), wanted)


@pytest.mark.parametrize("name", ALL)
def test_nothing_to_compare_is_zero_with_a_zero_gradient(name: str) -> None:
    x, _ = batch()
    for rows, places in ((1, torch.tensor([5])), (4, torch.arange(4)), (4, torch.zeros(4, dtype=torch.int64))):
        leaf = x[:rows].clone().requires_grad_()
        value = build(name)(leaf, places)
        (gradient,) = torch.autograd.grad(value, leaf)
        assert torch.isfinite(gradient).all()
        if rows == 1:
            assert value.item() == 0
            assert not gradient.any()


@pytest.mark.parametrize("name", ALL)
def test_shapes_are_refused_by_name(name: str) -> None:
    x, places = batch()
    with pytest.raises(ValueError, match=r"places must have shape \(10,\), one label a descriptor, got \(9,\)"):
        build(name)(x, places[1:])
    with pytest.raises(ValueError, match=r"descriptors must have shape \(B, D\), got \(10, 7, 1\)"):
        build(name)(x[..., None], places)


def test_defaults_of_gsv_cities() -> None:
    config = SPECS["multi_similarity"].config()
    assert (config.alpha, config.beta, config.base, config.mining_epsilon) == (1.0, 50.0, 0.0, 0.1)


def test_the_library_is_the_plugin() -> None:
    x, places = batch()
    assert torch.equal(ours.multi_similarity()(x, places), build("multi_similarity")(x, places))
    assert torch.equal(
        ours.batch_hard_triplet(margin=0.2)(x, places), build("batch_hard_triplet", margin=0.2)(x, places)
    )
    with pytest.raises(AttributeError, match="has no attribute 'circles'"):
        _ = ours.circles
