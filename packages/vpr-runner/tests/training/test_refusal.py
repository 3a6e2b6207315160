"""A step that is not taken leaves no trace in what network and loss remember; one that is taken does."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.source import Batch
from vpr_runner.training.refusal import Remembered
from vpr_runner.training.steps import NonFiniteLossError, Stepper

CPU = Compute(device=torch.device("cpu"))


class Net(nn.Module):
    """Remembers running statistics, in place."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, images: Tensor) -> Tensor:
        return nn.functional.normalize(self.norm(self.conv(images)).mean((2, 3)), dim=1)


class Grows(nn.Module):
    """Remembers every batch in a buffer that is replaced, and one that only its first batch makes."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("rows", torch.zeros(0, 4))

    def forward(self, descriptors: Tensor) -> Tensor:
        self.rows = torch.cat((self.rows, descriptors.detach()))
        if not hasattr(self, "first"):
            self.register_buffer("first", descriptors.detach()[0])
        return descriptors[:, 0].sum()


class Ring(nn.Module):
    """Remembers the last rows in a buffer that is written in place, deep inside."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Module()
        self.inner.register_buffer("rows", torch.zeros(16, 4))
        self.inner.register_buffer("at", torch.zeros((), dtype=torch.int64))
        self.inner.register_buffer("nothing", None)

    def forward(self, descriptors: Tensor) -> Tensor:
        places = (torch.arange(len(descriptors)) + self.inner.at) % 16
        self.inner.rows[places] = descriptors.detach()
        self.inner.at += len(descriptors)
        return descriptors[:, 0].sum()


def infinite_slope(value: Tensor, descriptors: Tensor) -> Tensor:
    return value + (descriptors - descriptors.detach()).abs().sum().sqrt()


def out_of_memory(value: Tensor, descriptors: Tensor) -> Tensor:
    def refuse(gradient: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("out of memory")

    value.register_hook(refuse)
    return value


FAULTS = {
    "loss": (lambda value, descriptors: value * torch.nan, NonFiniteLossError),
    "gradient": (infinite_slope, NonFiniteLossError),
    "memory": (out_of_memory, torch.OutOfMemoryError),
}


def state(*modules: nn.Module) -> dict[str, Tensor]:
    return {f"{n}.{k}": v for n, module in enumerate(modules) for k, v in copy.deepcopy(module.state_dict()).items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def batch() -> list[Batch]:
    return [Batch(np.arange(5), torch.randn(5, 3, 8, 8, generator=torch.Generator().manual_seed(1)))]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", [Grows, Ring])
@pytest.mark.parametrize("micro_batch", [None, 2])
def test_a_refused_step_leaves_no_trace(kind: type[nn.Module], fault: str, micro_batch: int | None) -> None:
    torch.manual_seed(0)
    net, loss = Net().train(), kind()
    stepper = Stepper(
        optimizer=torch.optim.Adam(net.parameters()), compute=CPU, remembering=(net, loss), micro_batch=micro_batch
    )
    stepper.step(net, batch(), lambda d: (loss(d), torch.tensor(1)), seed=0)
    before, parts = state(net, loss), dict(loss.named_buffers())
    spoil, error = FAULTS[fault]
    for _ in range(3):
        with pytest.raises(error):
            stepper.step(net, batch(), lambda d: (spoil(loss(d), d), torch.tensor(1)), seed=0)
        assert same(before, state(net, loss))
    assert all(value is parts[name] for name, value in loss.named_buffers()), "another tensor took its place"
    stepper.step(net, batch(), lambda d: (loss(d), torch.tensor(1)), seed=0)
    after = state(net, loss)
    changed = {name for name in before if not same({name: before[name]}, {name: after[name]})}
    assert {"0.norm.running_mean", "0.conv.weight"} < changed
    assert any(name.startswith("1.") for name in changed), "a step that was taken is remembered"


@pytest.mark.parametrize("kind", [Grows, Ring])
def test_a_first_step_that_is_refused(kind: type[nn.Module]) -> None:
    net, loss = Net().train(), kind()
    stepper = Stepper(optimizer=torch.optim.SGD(net.parameters(), lr=0.1), compute=CPU, remembering=(net, loss))
    before = state(net, loss)
    with pytest.raises(NonFiniteLossError):
        stepper.step(net, batch(), lambda d: (loss(d) * torch.inf, torch.tensor(1)), seed=0)
    assert same(before, state(net, loss))


def test_a_step_that_the_scaler_of_float16_leaves_out_is_not_remembered() -> None:
    net, loss = Net().train(), Ring()
    half = Compute(device=torch.device("cpu"), precision="float16")
    stepper = Stepper(optimizer=torch.optim.SGD(net.parameters(), lr=0.1), compute=half, remembering=(net, loss))
    before = state(net, loss)
    stepper.step(net, batch(), lambda d: (infinite_slope(loss(d), d), torch.tensor(1)), seed=0)
    assert same(before, state(net, loss))
    for _ in range(20):  # until the scale is low enough for a step to be taken
        weight = net.conv.weight.detach().clone()
        stepper.step(net, batch(), lambda d: (loss(d), torch.tensor(1)), seed=0)
        if not torch.equal(weight, net.conv.weight):
            break
        assert int(loss.inner.at) == 0
    assert int(loss.inner.at) == 5


def test_what_is_kept_is_kept_even_if_something_fails_afterwards() -> None:
    loss = Ring()

    def interrupted() -> None:
        with Remembered([loss]) as memory:
            loss(torch.ones(3, 4))
            memory.keep()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert int(loss.inner.at) == 3
