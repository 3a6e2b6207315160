"""Importing released weights: every tensor accounted for, whatever wraps them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from vpr_modern_pooling import (
    CRN,
    SALAD,
    BoQ,
    ConvAP,
    CosPlaceHead,
    MixVPR,
    boq_from_authors,
    convap_from_authors,
    cosplace_from_authors,
    crn_from_authors,
    mixvpr_from_authors,
    salad_from_authors,
)


def beside(name: str) -> ModuleType:
    """The test module that restates a method, for its generated state."""
    spec = importlib.util.spec_from_file_location(f"modern_{name}", Path(__file__).with_name(f"test_{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


Case = tuple[Callable[[Mapping[str, Any]], dict[str, Tensor]], tuple[Any, ...], Callable[[], nn.Module], str]
CASES: dict[str, Case] = {
    "convap": (convap_from_authors, (5, 3), lambda: ConvAP(in_channels=5, channels=3), "channel_pool.bias"),
    "cosplace": (cosplace_from_authors, (6, 4, 2.5), lambda: CosPlaceHead(in_channels=6, dim=4), "3.weight"),
    "mixvpr": (
        mixvpr_from_authors,
        (6, 6, 5, 3, 2, 6),
        lambda: MixVPR(in_channels=6, map_size=(2, 3), channels=5, rows=3, depth=2),
        "mix.1.mix.3.weight",
    ),
    "salad": (
        salad_from_authors,
        (6, 4, 3, 5, 7),
        lambda: SALAD(in_channels=6, num_clusters=4, cluster_dim=3, token_dim=5, hidden=7),
        "dust_bin",
    ),
    "boq": (
        boq_from_authors,
        (5, 8, 3, 2, 2),
        lambda: BoQ(in_channels=5, channels=8, num_queries=3, rows=2, head_dim=4),
        "boqs.1.cross_attn.out_proj.bias",
    ),
    "crn": (crn_from_authors, (4, 3), lambda: CRN(in_channels=4, num_clusters=3), "crn.filter_5_5.bias"),
}
each = pytest.mark.parametrize("name", CASES)


def generated(name: str) -> dict[str, Tensor]:
    state: dict[str, Tensor] = beside(name).authors_state(*CASES[name][1])
    return state


@each
def test_every_tensor_finds_its_place(name: str) -> None:
    convert, _, make, _ = CASES[name]
    layer = make().double()
    result = layer.load_state_dict(convert(generated(name)), strict=True)
    assert not result.missing_keys
    assert not result.unexpected_keys


@each
def test_wrapped_in_a_whole_model_it_is_the_same(name: str, tmp_path: Path) -> None:
    convert = CASES[name][0]
    state = generated(name)
    plain = convert(state)
    for prefix in ("aggregator.", "aggregation.", "module.aggregation."):
        whole = {f"{prefix}{key}": value for key, value in state.items()} | {"backbone.conv1.weight": torch.zeros(2)}
        for outer in (whole, {"state_dict": whole, "epoch": 3}, {"model_state_dict": whole}):
            torch.save(outer, tmp_path / "authors.pth")
            found = convert(torch.load(tmp_path / "authors.pth", weights_only=True))
            assert found.keys() == plain.keys()
            assert all(torch.equal(found[key], plain[key]) for key in plain)


@each
def test_what_is_missing_or_unexpected_is_named(name: str) -> None:
    convert, _, _, victim = CASES[name]
    state = generated(name)
    value = state.pop(victim)
    state["stranger.weight"] = value
    with pytest.raises(ValueError, match=rf"state: is no .*missing {victim}; unexpected stranger.weight"):
        convert(state)
    with pytest.raises(ValueError, match="missing"):
        convert({})


@each
def test_what_is_no_tensor_is_named(name: str) -> None:
    with pytest.raises(ValueError, match="optimizer must be tensors; give a state_dict"):
        CASES[name][0](generated(name) | {"optimizer": {}})


@each
def test_the_given_state_is_left_alone(name: str) -> None:
    state = generated(name)
    copy = {key: value.clone() for key, value in state.items()}
    taken = CASES[name][0](state)
    for value in taken.values():
        value.add_(1)
    assert state.keys() == copy.keys()
    assert all(torch.equal(state[key], copy[key]) for key in copy)


def test_long_lists_are_cut() -> None:
    with pytest.raises(ValueError, match=r"missing .* and \d+ more"):
        boq_from_authors({"fc.weight": torch.zeros(1)})


def test_a_convolution_that_is_no_matrix_is_refused() -> None:
    state = generated("convap")
    state["channel_pool.weight"] = torch.zeros(3, 5, 3, 3)
    with pytest.raises(ValueError, match=r"channel_pool.weight must have shape \(out, in, 1, 1\), got \(3, 5, 3, 3\)"):
        convap_from_authors(state)
