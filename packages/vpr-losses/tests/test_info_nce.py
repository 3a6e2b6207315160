from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import normalize

from vpr_losses import InfoNCE


def restated(descriptors, places, temperature):
    """The definition, term by term, in Python floats."""
    rows = [[float(v) for v in row] for row in descriptors]
    total, anchors = 0.0, 0
    for i, row in enumerate(rows):
        similarity = [math.exp(sum(a * b for a, b in zip(row, other, strict=True)) / temperature) for other in rows]
        below = sum(value for a, value in enumerate(similarity) if a != i)
        positives = [p for p in range(len(rows)) if p != i and int(places[p]) == int(places[i])]
        if positives:
            anchors += 1
            total += sum(-math.log(similarity[p] / below) for p in positives) / len(positives)
    return total / max(anchors, 1)


def batch(labels, dim=7, dtype=torch.float64):
    generator = torch.Generator().manual_seed(len(labels))
    return normalize(torch.randn(len(labels), dim, generator=generator, dtype=dtype), dim=1), torch.tensor(labels)


@pytest.mark.parametrize("labels", [[0, 0, 1, 1], [3, 3, 3, 8, 8, 5], [1, 1], [2, 0, 2, 0, 9, 9, 9]])
@pytest.mark.parametrize("temperature", [0.05, 0.1, 1.0])
def test_equals_its_definition(labels, temperature):
    descriptors, places = batch(labels)
    loss = InfoNCE(temperature=temperature)(descriptors, places)
    assert loss.item() == pytest.approx(restated(descriptors, places, temperature), rel=1e-10, abs=1e-12)


def test_float32_and_rows_that_are_not_contiguous():
    descriptors, places = batch([0, 1, 0, 1, 2, 2])
    strided = torch.stack([descriptors.float()] * 2, dim=2)[:, :, 0]
    expected = restated(descriptors, places, 0.1)
    assert InfoNCE()(strided, places).item() == pytest.approx(expected, rel=1e-5)


def test_gradient():
    descriptors, places = batch([0, 0, 1, 1, 2])
    assert torch.autograd.gradcheck(lambda x: InfoNCE()(x, places), descriptors.requires_grad_())


@pytest.mark.parametrize("labels", [[0], [0, 1, 2]])
def test_without_a_pair_there_is_nothing_to_learn(labels):
    descriptors, places = batch(labels)
    loss = InfoNCE()(descriptors.requires_grad_(), places)
    loss.backward()
    assert loss.item() == 0.0
    assert not descriptors.grad.any()


def test_half_precision_is_computed_in_single():
    descriptors, places = batch([0, 0, 1, 1], dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = InfoNCE(temperature=0.01)(descriptors, places)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(restated(descriptors.double(), places, 0.01), rel=1e-4)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="temperature must be"):
        InfoNCE(temperature=0.0)
    with pytest.raises(ValueError, match=r"\(B, D\) and \(B,\)"):
        InfoNCE()(torch.ones(3, 2), torch.zeros(2))
