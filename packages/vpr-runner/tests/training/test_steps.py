"""A step is the same however it is cut up, and does nothing when there is nothing to learn."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.source import Batch
from vpr_runner.training.steps import NonFiniteLossError, Stepper

CPU = Compute(device=torch.device("cpu"))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.conv = nn.Conv2d(3, 4, 3)
        self.unused = nn.Parameter(torch.ones(2))
        with torch.no_grad():
            self.conv.weight.copy_(torch.randn(4, 3, 3, 3, generator=generator))
            self.conv.bias.zero_()

    def forward(self, images):
        return nn.functional.normalize(self.conv(images).mean((2, 3)), dim=1)


def hinge(descriptors):
    """Couple every pair of rows; count the pairs that are near, as a hinge over negatives does."""
    gaps = 1.2 - torch.cdist(descriptors, descriptors).square()
    near = (gaps > 0) & ~torch.eye(len(descriptors), dtype=torch.bool)
    return (gaps * near).sum(), near.sum()


def batches(images, *, shapes: int = 1) -> list[Batch]:
    rows = np.random.default_rng(0).permutation(len(images))
    return [Batch(part, images[part][..., : 8 - number]) for number, part in enumerate(np.array_split(rows, shapes))]


@pytest.fixture
def images():
    return torch.randn(7, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def stepped(net, inputs, **settings):
    net = copy.deepcopy(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)
    stepper = Stepper(optimizer=optimizer, compute=CPU, **settings)
    result = stepper.step(net, inputs, hinge, seed=0)
    return net, result


def test_one_step_equals_the_formula(images) -> None:
    net = Net()
    after, (total, count) = stepped(net, batches(images))
    reference = copy.deepcopy(net).double()
    expected_total, expected_count = hinge(reference(images.double()))
    (expected_total / expected_count).backward()
    weight = reference.conv.weight
    assert total == pytest.approx(float(expected_total.detach()), rel=1e-5)
    assert count == float(expected_count)
    assert count > 0
    expected = weight - 0.1 * (weight.grad + 0.01 * weight)
    torch.testing.assert_close(after.conv.weight.double(), expected, rtol=1e-5, atol=1e-7)
    assert torch.equal(after.unused, net.unused)  # no gradient: neither step nor weight decay


@pytest.mark.parametrize("micro_batch", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("shapes", [1, 3])
def test_micro_batches_change_nothing(images, micro_batch: int, shapes: int) -> None:
    net = Net()
    inputs = batches(images, shapes=shapes)
    whole, result = stepped(net, inputs)
    cut, cut_result = stepped(net, inputs, micro_batch=micro_batch)
    assert cut_result == pytest.approx(result, rel=1e-5)
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(cut.state_dict()[name], value, rtol=1e-5, atol=1e-7)
    assert not torch.equal(whole.conv.weight, net.conv.weight)


def test_rows_reach_the_loss_in_their_order(images) -> None:
    seen = []

    def terms(descriptors):
        seen.append(descriptors.detach())
        return hinge(descriptors)

    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.0)
    Stepper(optimizer=optimizer, compute=CPU).step(net, batches(images), terms, seed=0)
    torch.testing.assert_close(seen[0], net(images).detach())


def test_no_violation_makes_no_step(images) -> None:
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=0.5)
    stepper = Stepper(optimizer=optimizer, compute=CPU)
    before = copy.deepcopy(net.state_dict())
    result = stepper.step(net, batches(images), lambda d: (d.sum() * 0, torch.tensor(0)), seed=0)
    assert result == (0.0, 0.0)
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert not optimizer.state


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_changes_nothing(images, value: float) -> None:
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    before = copy.deepcopy(net.state_dict())
    with pytest.raises(NonFiniteLossError, match="loss is"):
        Stepper(optimizer=optimizer, compute=CPU).step(
            net, batches(images), lambda d: (d.sum() * value, torch.tensor(1)), seed=0
        )
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())


def test_a_gradient_that_is_not_finite_changes_nothing(images) -> None:
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    before = copy.deepcopy(net.state_dict())

    def terms(descriptors):
        return (descriptors - descriptors.detach()).abs().sum().sqrt() + 1, torch.tensor(1)  # sqrt'(0) is infinite

    with pytest.raises(NonFiniteLossError, match="gradient norm is"):
        Stepper(optimizer=optimizer, compute=CPU).step(net, batches(images), terms, seed=0)
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())


def test_clipping_bounds_the_change(images) -> None:
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=1.0)
    Stepper(optimizer=optimizer, compute=CPU, grad_clip=1e-3).step(net, batches(images), hinge, seed=0)
    moved = torch.cat([(a - b).flatten() for a, b in zip(net.parameters(), Net().parameters(), strict=True)])
    assert float(moved.detach().norm()) == pytest.approx(1e-3, rel=1e-3)


def test_dropout_is_keyed_not_drawn_from_state(images) -> None:
    class Dropping(Net):
        def forward(self, values):
            return super().forward(nn.functional.dropout(values, 0.3))

    def run(seed: int, burn: int):
        net = Dropping()
        torch.rand(burn)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        Stepper(optimizer=optimizer, compute=CPU, micro_batch=3).step(net, batches(images), hinge, seed=seed)
        return net.conv.weight

    assert torch.equal(run(1, 0), run(1, 17))
    assert not torch.equal(run(1, 0), run(2, 0))
