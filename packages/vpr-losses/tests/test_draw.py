from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vpr_losses.draw import draw_outside, keyed_generator


@settings(max_examples=200, deadline=None)
@given(
    size=st.integers(1, 400),
    count=st.integers(1, 60),
    excluded=st.sets(st.integers(0, 399), max_size=80),
    key=st.integers(0, 2**40),
)
def test_draws_are_different_allowed_and_as_many_as_asked(size: int, count: int, excluded: set[int], key: int) -> None:
    excluded = {position for position in excluded if position < size}
    barred = torch.tensor(sorted(excluded), dtype=torch.int64)
    drawn = draw_outside(count, size, barred, keyed_generator(key)).tolist()
    assert drawn == sorted(set(drawn))
    assert not set(drawn) & excluded
    assert all(0 <= position < size for position in drawn)
    assert len(drawn) == min(count, size - len(excluded))


@pytest.mark.parametrize(("size", "count"), [(40, 7), (400, 5)], ids=["shuffled", "drawn until enough differ"])
def test_every_allowed_position_is_as_likely(size: int, count: int) -> None:
    excluded = torch.tensor([0, 3, 4, 17, size - 1])
    draws = 4000
    hits = torch.zeros(size, dtype=torch.int64)
    for key in range(draws):
        hits[draw_outside(count, size, excluded, keyed_generator(1, key))] += 1
    allowed = size - len(excluded)
    share = count / allowed
    spread = math.sqrt(draws * share * (1 - share))
    allowed_hits = hits[hits > 0]
    assert len(allowed_hits) == allowed
    assert (allowed_hits - draws * share).abs().max().item() < 5 * spread
    assert allowed_hits.double().std().item() == pytest.approx(spread, rel=0.3)


def test_a_key_fixes_the_draw_and_each_of_its_numbers_matters() -> None:
    def draw(*key: int) -> list[int]:
        return draw_outside(20, 10_000, torch.zeros(0, dtype=torch.int64), keyed_generator(*key)).tolist()

    assert draw(1, 2, 3) == draw(1, 2, 3)
    others = [draw(*key) for key in [(2, 2, 3), (1, 3, 3), (1, 2, 4), (1, 3, 2), (3, 2, 1), (1, 2, 3, 0), (1, 2, -3)]]
    assert draw(1, 2, 3) not in others
    assert len({tuple(other) for other in others}) == len(others)


def test_the_global_generator_is_left_alone() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    draw_outside(20, 1000, torch.zeros(0, dtype=torch.int64), keyed_generator(1))
    assert torch.equal(before, torch.get_rng_state())
