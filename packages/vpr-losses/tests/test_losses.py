from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vpr_losses import (
    Contrastive,
    IndependentSARE,
    JointSARE,
    SingleTriplet,
    TupleLoss,
    UnsquaredRanking,
    WeaklySupervisedRanking,
)

Definition = Callable[[list[float], list[float]], tuple[float, int]]
"""Squared distances of one query to its positives and negatives -> sum and count."""


def paper(positive: list[float], negative: list[float], m: float = 0.1) -> tuple[float, int]:
    if not positive:
        return 0.0, 0
    terms = [max(0.0, min(positive) + m - n) for n in negative]
    return sum(terms), sum(term > 0 for term in terms)


def unsquared(m: float) -> Definition:
    def define(positive: list[float], negative: list[float]) -> tuple[float, int]:
        if not positive:
            return 0.0, 0
        best = min(math.sqrt(p) for p in positive)
        return sum(max(0.0, best + m - math.sqrt(n)) for n in negative), len(negative)

    return define


def single(m: float, power: int) -> Definition:
    def define(positive: list[float], negative: list[float]) -> tuple[float, int]:
        if not positive or not negative:
            return 0.0, 0
        p, n = (math.sqrt(values[0]) ** power for values in (positive, negative))
        return max(0.0, p + m - n), 1

    return define


def independent(positive: list[float], negative: list[float]) -> tuple[float, int]:
    if not positive:
        return 0.0, 0
    p = math.exp(-min(positive))
    return sum(-math.log(p / (p + math.exp(-n))) for n in negative), len(negative)


def joint(positive: list[float], negative: list[float]) -> tuple[float, int]:
    if not positive or not negative:
        return 0.0, 0
    p = math.exp(-min(positive))
    return -math.log(p / (p + sum(math.exp(-n) for n in negative))), 1


def contrastive(positive: list[float], negative: list[float], m: float = 0.7) -> tuple[float, int]:
    pull = sum(p / 2 for p in positive)
    push = sum(max(0.0, m - math.sqrt(n)) ** 2 / 2 for n in negative)
    return pull + push, len(positive) + len(negative)


LOSSES: list[tuple[TupleLoss, Definition]] = [
    (WeaklySupervisedRanking(), paper),
    (UnsquaredRanking(), unsquared(math.sqrt(0.1))),
    (UnsquaredRanking(margin=0.1), unsquared(0.1)),
    (SingleTriplet(), single(0.1, 1)),
    (SingleTriplet(margin=0.3, squared=True), single(0.3, 2)),
    (IndependentSARE(), independent),
    (JointSARE(), joint),
    (Contrastive(), contrastive),
]
each_loss = pytest.mark.parametrize(("loss", "definition"), LOSSES, ids=[repr(loss) for loss, _ in LOSSES])


def tuples(
    rows: int = 4, positives: int = 3, negatives: int = 6, dim: int = 5, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Descriptors so near each other that some negatives violate and some do not, with random masks."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    query = torch.nn.functional.normalize(draw(rows, dim), dim=1)
    near = torch.nn.functional.normalize(query[:, None] + 0.3 * draw(rows, positives, dim), dim=2)
    far = torch.nn.functional.normalize(query[:, None] + 0.4 * draw(rows, negatives, dim), dim=2)
    positive_mask = torch.rand(rows, positives, generator=generator) < 0.7
    negative_mask = torch.rand(rows, negatives, generator=generator) < 0.7
    return query, near, far, positive_mask, negative_mask


def by_definition(
    definition: Definition,
    query: Tensor,
    positives: Tensor,
    negatives: Tensor,
    positive_mask: Tensor | None = None,
    negative_mask: Tensor | None = None,
) -> tuple[float, int]:
    total, count = 0.0, 0
    for t, q in enumerate(query.double()):
        lists = []
        for others, mask in ((positives, positive_mask), (negatives, negative_mask)):
            kept = [x for i, x in enumerate(others[t].double()) if mask is None or bool(mask[t, i])]
            lists.append([sum(float(a - b) ** 2 for a, b in zip(q, x, strict=True)) for x in kept])
        part, number = definition(*lists)
        total, count = total + part, count + number
    return total, count


@each_loss
def test_equals_its_definition(loss: TupleLoss, definition: Definition) -> None:
    for seed in range(5):
        query, positives, negatives, positive_mask, negative_mask = tuples(seed=seed)
        masks = {"positive_mask": positive_mask, "negative_mask": negative_mask}
        for chosen in ({}, masks):
            expected, number = by_definition(definition, query, positives, negatives, **chosen)
            total, count = loss.terms(query, positives, negatives, **chosen)
            assert total.item() == pytest.approx(expected, abs=1e-12)
            assert int(count) == number
            assert count.dtype == torch.int64
            mean = loss(query, positives, negatives, **chosen)
            assert mean.item() == pytest.approx(expected / max(number, 1), abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(0, 4),
    positives=st.integers(0, 3),
    negatives=st.integers(0, 4),
    dim=st.integers(1, 5),
    seed=st.integers(0, 2**16),
    which=st.integers(0, len(LOSSES) - 1),
)
def test_equals_its_definition_on_any_shape(
    rows: int, positives: int, negatives: int, dim: int, seed: int, which: int
) -> None:
    loss, definition = LOSSES[which]
    query, near, far, positive_mask, negative_mask = tuples(rows, positives, negatives, dim, seed)
    near.requires_grad_()
    total, count = loss.terms(query, near, far, positive_mask=positive_mask, negative_mask=negative_mask)
    expected, number = by_definition(definition, query, near.detach(), far, positive_mask, negative_mask)
    assert total.item() == pytest.approx(expected, abs=1e-12)
    assert int(count) == number
    total.backward()
    assert near.grad is not None
    assert torch.isfinite(near.grad).all()


@each_loss
def test_gradcheck(loss: TupleLoss, definition: Definition) -> None:
    query, positives, negatives, positive_mask, negative_mask = tuples(seed=3)
    leaves = [x.clone().requires_grad_() for x in (query, positives, negatives)]

    def run(q: Tensor, p: Tensor, n: Tensor) -> Tensor:
        return loss(q, p, n, positive_mask=positive_mask, negative_mask=negative_mask)

    assert torch.autograd.gradcheck(run, leaves)


@each_loss
def test_what_is_masked_has_no_effect_not_even_nan(loss: TupleLoss, definition: Definition) -> None:
    query, positives, negatives, positive_mask, negative_mask = tuples(seed=1)
    clean = loss(query, positives, negatives, positive_mask=positive_mask, negative_mask=negative_mask)
    positives[~positive_mask] = math.nan
    negatives[~negative_mask] = math.inf
    leaves = [x.clone().requires_grad_() for x in (query, positives, negatives)]
    dirty = loss(*leaves, positive_mask=positive_mask, negative_mask=negative_mask)
    assert dirty.item() == clean.item()
    dirty.backward()
    assert all(x.grad is not None and torch.isfinite(x.grad).all() for x in leaves)


@each_loss
def test_terms_add_up_over_parts_of_a_batch(loss: TupleLoss, definition: Definition) -> None:
    query, positives, negatives, positive_mask, negative_mask = tuples(rows=7, seed=2)
    whole = loss.terms(query, positives, negatives, positive_mask=positive_mask, negative_mask=negative_mask)
    parts = [
        loss.terms(
            query[part],
            positives[part],
            negatives[part],
            positive_mask=positive_mask[part],
            negative_mask=negative_mask[part],
        )
        for part in (slice(0, 2), slice(2, 3), slice(3, 7))
    ]
    assert sum(total.item() for total, _ in parts) == pytest.approx(whole[0].item(), abs=1e-12)
    assert sum(int(count) for _, count in parts) == int(whole[1])


@each_loss
def test_equal_descriptors_have_a_finite_gradient(loss: TupleLoss, definition: Definition) -> None:
    x = torch.ones(2, 4, requires_grad=True)
    loss(x, x[:, None].expand(2, 3, 4), x[:, None].expand(2, 5, 4)).backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()


@each_loss
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_raised_under_autocast_too(
    loss: TupleLoss, definition: Definition, dtype: torch.dtype
) -> None:
    query, positives, negatives, *_ = (x.to(dtype) for x in tuples(dim=64)[:3])
    expected, number = by_definition(definition, query, positives, negatives)
    with torch.autocast("cpu", dtype=dtype):
        total, count = loss.terms(query, positives, negatives)
    assert total.dtype == torch.float32
    assert total.item() == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert int(count) == number


@pytest.mark.slow  # the compiler's import
@each_loss
def test_compiles_in_one_graph(loss: TupleLoss, definition: Definition) -> None:
    query, positives, negatives, positive_mask, negative_mask = tuples()
    compiled = torch.compile(loss.terms, fullgraph=True, backend="aot_eager")
    masks = {"positive_mask": positive_mask, "negative_mask": negative_mask}
    for ours, expected in zip(
        compiled(query, positives, negatives, **masks), loss.terms(query, positives, negatives, **masks), strict=True
    ):
        torch.testing.assert_close(ours, expected)


@each_loss
def test_nothing_to_learn_is_zero_with_a_gradient_of_zero(loss: TupleLoss, definition: Definition) -> None:
    query, positives, negatives, *_ = tuples()
    query.requires_grad_()
    nothing = torch.zeros(4, 3, dtype=torch.bool), torch.zeros(4, 6, dtype=torch.bool)
    value = loss(query, positives, negatives, positive_mask=nothing[0], negative_mask=nothing[1])
    assert value.item() == 0.0
    value.backward()
    assert query.grad is not None
    assert torch.equal(query.grad, torch.zeros_like(query))


# --- the paper's loss


def line(*values: float) -> Tensor:
    """Descriptors on a line: with the query at 0 the distance is the value."""
    return torch.tensor([[[value] for value in values]], dtype=torch.float64)


ORIGIN = torch.zeros(1, 1, dtype=torch.float64)


def test_only_the_best_positive_and_the_violating_negatives_get_a_gradient() -> None:
    positives, negatives = line(0.5, 0.3, 0.4).requires_grad_(), line(0.35, 0.9, 0.2).requires_grad_()
    total, count = WeaklySupervisedRanking().terms(ORIGIN, positives, negatives)
    assert total.item() == pytest.approx((0.09 + 0.1 - 0.1225) + (0.09 + 0.1 - 0.04))
    assert int(count) == 2
    total.backward()
    assert positives.grad is not None
    assert negatives.grad is not None
    assert positives.grad.flatten().tolist() == pytest.approx([0.0, 2 * 2 * 0.3, 0.0])
    assert negatives.grad.flatten().tolist() == pytest.approx([-2 * 0.35, 0.0, -2 * 0.2])


def test_the_divisor_is_the_number_of_violating_triplets_of_the_batch() -> None:
    query = torch.zeros(2, 1, dtype=torch.float64)
    positives = torch.cat([line(0.5), line(0.1)])
    negatives = torch.cat([line(0.5, 0.55, 2.0), line(3.0, 3.0, 3.0)])
    expected = (0.25 + 0.1 - 0.25) + (0.25 + 0.1 - 0.3025)
    assert WeaklySupervisedRanking()(query, positives, negatives).item() == pytest.approx(expected / 2)


@pytest.mark.parametrize(
    ("loss", "needed"),
    [
        (WeaklySupervisedRanking(), 0.592),
        (UnsquaredRanking(), 0.816),
        (UnsquaredRanking(margin=0.1), 0.600),
        (SingleTriplet(), 0.600),
        (SingleTriplet(squared=True), 0.592),
    ],
)
def test_how_far_a_negative_must_be_when_the_positive_is_at_one_half(loss: TupleLoss, needed: float) -> None:
    assert loss(ORIGIN, line(0.5), line(needed - 0.001)).item() > 0
    assert loss(ORIGIN, line(0.5), line(needed + 0.001)).item() == 0


def test_the_single_triplet_takes_the_first_that_exist() -> None:
    mask = torch.tensor([[False, True, True]])
    value = SingleTriplet(margin=0.5)(
        ORIGIN, line(0.1, 0.3, 0.2), line(9.0, 0.4, 0.1), positive_mask=mask, negative_mask=mask
    )
    assert value.item() == pytest.approx(0.3 + 0.5 - 0.4)


# --- bad input


@pytest.mark.parametrize("kind", [WeaklySupervisedRanking, UnsquaredRanking, SingleTriplet, Contrastive])
@pytest.mark.parametrize("margin", [-0.1, math.nan, math.inf])
def test_constructor_refuses(kind: type, margin: float) -> None:
    with pytest.raises(ValueError, match="margin must be a finite number of 0 or more"):
        kind(margin=margin)


@pytest.mark.parametrize(
    ("positives", "negatives", "masks", "message"),
    [
        ((2, 3, 5), (2, 3, 4), {}, r"positives \(T, n, D\) with the same T and D, got \(2, 4\) and \(2, 3, 5\)"),
        ((3, 3, 4), (2, 3, 4), {}, r"positives \(T, n, D\) with the same T and D, got \(2, 4\) and \(3, 3, 4\)"),
        ((2, 4), (2, 3, 4), {}, r"positives \(T, n, D\)"),
        ((2, 3, 4), (2, 3, 4), {"positive_mask": torch.ones(2, 3)}, "positive_mask must be bool of shape"),
        (
            (2, 3, 4),
            (2, 3, 4),
            {"negative_mask": torch.ones(2, 2) > 0},
            r"negative_mask must be bool of shape \(2, 3\)",
        ),
    ],
)
def test_terms_refuses(
    positives: tuple[int, ...], negatives: tuple[int, ...], masks: dict[str, Tensor], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        WeaklySupervisedRanking().terms(torch.zeros(2, 4), torch.zeros(positives), torch.zeros(negatives), **masks)


@pytest.mark.parametrize("kind", [JointSARE, IndependentSARE, WeaklySupervisedRanking])
def test_a_query_without_negatives_is_not_counted(kind: type[TupleLoss]) -> None:
    generator = torch.Generator().manual_seed(0)
    query, positives = torch.randn(2, 4, generator=generator), torch.randn(2, 1, 4, generator=generator)
    near = query.unsqueeze(1).repeat(1, 3, 1)  # violates every margin
    mask = torch.tensor([[True, True, False], [False, False, False]])
    total, count = kind().terms(query, positives, near, negative_mask=mask)
    alone, counted = kind().terms(query[:1], positives[:1], near[:1], negative_mask=mask[:1])
    torch.testing.assert_close(total, alone)
    assert int(count) == int(counted) == (1 if kind is JointSARE else 2)
