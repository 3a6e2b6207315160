"""Random weights are a function of the seed, whatever other threads do."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from vpr_backbones import build_tiny, build_torchvision
from vpr_backbones.seeding import seeded

DRAWS: dict[str, Callable[[], Tensor]] = {
    "uniform": lambda: torch.rand(3, 5),
    "normal": lambda: torch.randn(7),
    "like": lambda: torch.rand_like(torch.zeros(4, 2)),
    "integers": lambda: torch.randint(0, 9, (11,)),
    "permutation": lambda: torch.randperm(13),
    "dropout, which takes no generator": lambda: nn.functional.dropout(torch.ones(64)),
    "truncated": lambda: nn.init.trunc_normal_(torch.empty(9)),
    "orthogonal": lambda: nn.init.orthogonal_(torch.empty(5, 5)),
    "chosen": lambda: torch.multinomial(torch.ones(9), 4),
    "a layer": lambda: nn.Linear(4, 3).weight.detach(),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_numbers_are_those_of_manual_seed_and_the_global_generator_stays(draw: Callable[[], Tensor]) -> None:
    torch.manual_seed(5)
    expected = [draw(), draw()]
    torch.manual_seed(8)
    before = torch.get_rng_state()
    with seeded(5):
        found = [draw(), draw()]
    assert all(map(torch.equal, found, expected))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_generator_that_is_given_is_the_one_that_is_used() -> None:
    generator = torch.Generator().manual_seed(1)
    with seeded(5):
        found = torch.empty(4).normal_(generator=generator)
    assert torch.equal(found, torch.empty(4).normal_(generator=torch.Generator().manual_seed(1)))


def test_an_inner_seed_does_not_move_the_outer_one() -> None:
    with seeded(5):
        first, second = torch.rand(3), torch.rand(3)
    with seeded(5):
        found = torch.rand(3)
        with seeded(6):
            torch.rand(9)
        assert torch.equal(torch.rand(3), second)
    assert torch.equal(found, first)


BUILDS: dict[str, Callable[[], nn.Module]] = {
    "tiny": lambda: build_tiny(seed=3, width=0.25),
    "squeezenet1_0": lambda: build_torchvision(name="squeezenet1_0", weights="none", cut="fire4", seed=3),
}


@pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS)
def test_networks_made_in_several_threads_are_the_same(build: Callable[[], nn.Module]) -> None:
    """While others are assembled, and while threads of the user's draw numbers and reseed."""
    expected = [parameter.detach() for parameter in build().parameters()]
    made: list[nn.Module] = []
    done = threading.Event()

    def disturb() -> None:
        while not done.is_set():
            torch.manual_seed(11)
            torch.rand(100)
            done.wait(0.001)

    noise = threading.Thread(target=disturb)
    makers = [threading.Thread(target=lambda: made.extend(build() for _ in range(2))) for _ in range(3)]
    for thread in (noise, *makers):
        thread.start()
    for thread in makers:
        thread.join()
    done.set()
    noise.join()
    assert len(made) == 6
    for network in made:
        assert all(map(torch.equal, expected, (parameter.detach() for parameter in network.parameters())))
