from __future__ import annotations

import pytest
import torch

from vpr_backbones import build_torchvision
from vpr_backbones.fitting import load_tensors

CUT = "layer1"


@pytest.fixture(scope="module")
def given() -> dict[str, torch.Tensor]:
    """Tensors with torchvision's names for ResNet-18 up to layer1, all different from the defaults."""
    backbone = build_torchvision(name="resnet18", weights="none", cut=CUT, seed=9)
    generator = torch.Generator().manual_seed(0)
    state = backbone.state_dict()
    return {
        source: torch.rand(state[own].shape, generator=generator).to(state[own].dtype)
        for own, source in backbone.source_names.items()
    }


@pytest.fixture
def backbone():
    return build_torchvision(name="resnet18", weights="none", cut=CUT)


def loaded(backbone, given) -> bool:
    state = backbone.state_dict()
    return all(torch.equal(state[own], given[source]) for own, source in backbone.source_names.items())


@pytest.mark.parametrize("prefix", ["", "module.", "module.backbone.", "_orig_mod.encoder.net."])
def test_prefixes(backbone, given, prefix):
    unused = load_tensors(backbone, {prefix + name: value for name, value in given.items()}, name="x")
    assert unused == ()
    assert loaded(backbone, given)


def test_own_names_of_a_trained_run(backbone, given):
    own = {f"backbone.{own}": given[source] for own, source in backbone.source_names.items()}
    unused = load_tensors(backbone, {**own, "pooling.centroids": torch.rand(3)}, name="x")
    assert unused == ("pooling.centroids",)
    assert loaded(backbone, given)


def test_what_lies_above_the_cut_is_left_aside(backbone, given):
    more = {"layer2.0.conv1.weight": torch.rand(1), "fc.weight": torch.rand(365, 512), "head.weight": torch.rand(1)}
    unused = load_tensors(backbone, {**given, **more}, name="x")
    assert unused == tuple(more)
    assert loaded(backbone, given)


def test_counters_may_be_missing(backbone, given):
    load_tensors(backbone, {k: v for k, v in given.items() if not k.endswith("num_batches_tracked")}, name="x")
    assert torch.equal(backbone.state_dict()["layers.layer1.0.conv1.weight"], given["layer1.0.conv1.weight"])


def test_half_precision_is_widened(backbone, given):
    half = {k: v.half() if v.is_floating_point() else v for k, v in given.items()}
    load_tensors(backbone, half, name="x")
    value = backbone.state_dict()["layers.layer1.0.conv1.weight"]
    assert value.dtype == torch.float32
    assert torch.equal(value, given["layer1.0.conv1.weight"].half().float())


def refused(backbone, tensors) -> str:
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    with pytest.raises(ValueError, match=r"^weights: my file does not fit the stages conv1, layer1: ") as caught:
        load_tensors(backbone, tensors, name="my file")
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items()), "half loaded"
    return str(caught.value)


def test_missing(backbone, given):
    message = refused(backbone, {k: v for k, v in given.items() if not k.startswith("layer1.1")})
    assert "10 of 30 tensors are missing (layer1.1.conv1.weight, layer1.1.bn1.weight" in message
    assert "It covers conv1: set cut: conv1" in message


def test_missing_at_the_bottom(backbone, given):
    message = refused(backbone, {k: v for k, v in given.items() if k != "conv1.weight"})
    assert "1 of 30 tensors are missing (conv1.weight)" in message
    assert "set cut" not in message


def test_shape(backbone, given):
    message = refused(backbone, {**given, "conv1.weight": torch.rand(64, 1, 7, 7)})
    assert "conv1.weight: (64, 1, 7, 7) float32 instead of (64, 3, 7, 7) float32" in message


def test_integers_for_weights(backbone, given):
    assert "int8 instead of" in refused(backbone, {**given, "conv1.weight": torch.ones(64, 3, 7, 7).to(torch.int8)})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_not_finite(backbone, given, value):
    bad = given["bn1.weight"].clone()
    bad[3] = value
    assert "bn1.weight: holds NaN or infinity" in refused(backbone, {**given, "bn1.weight": bad})


def test_a_deeper_relative(backbone, given):
    message = refused(backbone, {**given, "layer1.2.conv1.weight": torch.rand(64, 64, 3, 3)})
    assert "1 are unknown to this network (layer1.2.conv1.weight)" in message


def test_other_network(backbone):
    message = refused(backbone, {"features.0.weight": torch.rand(64, 3, 3, 3)})
    assert "The file's own names: features.0.weight. Check that network and file belong together." in message


def test_empty(backbone):
    assert "30 of 30" in refused(backbone, {}) or "missing" in refused(backbone, {})
