"""The optimisers are torch's, to the bit, and read its states."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from vpr_runner.training import optimizers

KINDS = {
    "SGD": {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01},
    "Adam": {"lr": 0.1, "betas": (0.8, 0.99), "weight_decay": 0.01},
    "AdamW": {"lr": 0.1, "betas": (0.8, 0.99), "weight_decay": 0.01},
}


def weights() -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator).requires_grad_() for shape in ((3, 4), (5,), (2, 3, 1))]


def learn(optimizer: torch.optim.Optimizer, parameters: list[Tensor], steps: int) -> None:
    for number in range(steps):
        optimizer.zero_grad(set_to_none=True)
        assert parameters[0].grad is None
        sum((weight * (number + 1.3)).sin().square().sum() for weight in parameters[: 2 + number % 2]).backward()
        optimizer.step()


@pytest.mark.parametrize("kind", KINDS)
def test_steps_and_states_are_those_of_torch(kind: str) -> None:
    ours, theirs = weights(), weights()
    mine = getattr(optimizers, kind)(ours, **KINDS[kind])
    plain = getattr(torch.optim, kind)(theirs, **KINDS[kind])
    assert isinstance(mine, getattr(torch.optim, kind))
    learn(mine, ours, 3)
    learn(plain, theirs, 3)
    assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))
    again = weights()
    resumed = getattr(optimizers, kind)(again, **KINDS[kind])
    with torch.no_grad():
        for weight, value in zip(again, theirs, strict=True):
            weight.copy_(value)
    resumed.load_state_dict(copy.deepcopy(plain.state_dict()))
    assert str(mine.state_dict()) == str(plain.state_dict())
    learn(resumed, again, 2)
    learn(plain, theirs, 2)
    assert all(torch.equal(one, other) for one, other in zip(again, theirs, strict=True))


def test_a_second_group_and_a_closure() -> None:
    first, second = weights()[:2]
    optimizer = optimizers.SGD([first], lr=0.5)
    optimizer.add_param_group({"params": [second], "lr": 0.25})
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.25]

    def closure() -> Tensor:
        with torch.enable_grad():
            value = first.sum() + second.sum()
            value.backward()
        return value

    before = second.detach().clone()
    assert optimizer.step(closure) is not None
    torch.testing.assert_close(second.detach(), before - 0.25)
