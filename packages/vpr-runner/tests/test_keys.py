"""Random numbers are functions of their names."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import torch

from vpr_runner.keys import generator, key, permutation, sample


def test_a_key_is_the_same_in_every_process() -> None:
    code = "from vpr_runner.keys import key; print(key(3, 'order', 7))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(other.stdout) == key(3, "order", 7)


def test_keys_differ_with_every_part_its_kind_and_its_place() -> None:
    keys = [key(0, "a", 1), key(1, "a", 1), key(0, "a", 2), key(0, 1, "a"), key(0, "a", "1"), key(0, "a1"), key(0)]
    assert len(set(keys)) == len(keys)
    assert all(0 <= value < 2**63 for value in keys)


def test_permutation_and_sample() -> None:
    order = permutation(100, 5, "order", 2)
    assert sorted(order.tolist()) == list(range(100))
    assert (order == permutation(100, 5, "order", 2)).all()
    assert (order != permutation(100, 5, "order", 3)).any()
    drawn = sample(100, 10, 5, "images")
    assert len(set(drawn.tolist())) == 10
    assert (np.diff(drawn) > 0).all()
    assert sample(3, 10, 5, "images").tolist() == [0, 1, 2]


def test_the_global_generators_are_left_alone() -> None:
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    torch.randperm(5, generator=generator(1, "x"))
    permutation(5, 1, "x")
    assert torch.equal(state, torch.get_rng_state())
    assert (numpy_state == np.random.get_state()[1]).all()
