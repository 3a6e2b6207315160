from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from vpr_backbones import NORMALIZATIONS, StagedBackbone

IMAGES = torch.linspace(-1, 1, 2 * 3 * 9 * 11, dtype=torch.float64).reshape(2, 3, 9, 11)


def staged(train_from: str = "all", batch_norm: str = "train") -> StagedBackbone:
    torch.manual_seed(0)
    stages = {
        "one": nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()),
        "two": nn.Sequential(nn.Conv2d(4, 5, 3), nn.BatchNorm2d(5), nn.Dropout(0.5)),
        "three": nn.Conv2d(5, 6, 1),
    }
    return StagedBackbone(
        stages=stages,
        out_channels=6,
        stride=1,
        normalization=NORMALIZATIONS["caffe"],
        train_from=train_from,
        batch_norm=batch_norm,  # type: ignore[arg-type]
    ).double()


def trained(backbone: nn.Module) -> set[str]:
    return {name for name, parameter in backbone.named_parameters() if parameter.requires_grad}


def test_attributes():
    backbone = staged()
    assert backbone.stages == ("one", "two", "three")
    assert (backbone.out_channels, backbone.stride, backbone.input_scale) == (6, 1, 255.0)
    assert backbone.mean == (123.68, 116.779, 103.939)
    assert backbone.std == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("train_from", "below"),
    [("all", []), ("one", []), ("two", ["one"]), ("three", ["one", "two"]), ("none", ["one", "two", "three"])],
)
def test_exactly_the_stages_below_are_frozen(train_from, below):
    backbone = staged(train_from)
    for name, parameter in backbone.named_parameters():
        assert parameter.requires_grad == (name.split(".")[1] not in below), name
    assert backbone.frozen_stages == tuple(below)
    assert backbone.frozen_stages + backbone.trainable_stages == backbone.stages
    backbone.train()
    for stage in backbone.stages:
        assert all(module.training == (stage not in below) for module in backbone.layers[stage].modules())
    backbone.eval()
    assert not any(module.training for stage in backbone.stages for module in backbone.layers[stage].modules())


def test_frozen_batch_norm_keeps_statistics_scale_and_shift():
    backbone = staged("all", "frozen").train()
    assert trained(backbone) == {
        "layers.one.0.weight",
        "layers.one.0.bias",
        "layers.two.0.weight",
        "layers.two.0.bias",
        "layers.three.weight",
        "layers.three.bias",
    }
    before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    backbone(IMAGES).sum().backward()
    assert all(torch.equal(tensor, before[name]) for name, tensor in backbone.state_dict().items())


def test_trained_batch_norm_moves_only_above_the_split():
    backbone = staged("two").train()
    before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    backbone(IMAGES)
    moved = {name for name, tensor in backbone.state_dict().items() if not torch.equal(tensor, before[name])}
    assert moved == {"layers.two.1.running_mean", "layers.two.1.running_var", "layers.two.1.num_batches_tracked"}


@pytest.mark.parametrize("train_from", ["all", "one", "two", "three", "none"])
def test_forward_is_trainable_of_frozen_and_does_not_write_to_its_input(train_from):
    backbone = staged(train_from).eval()
    whole = staged("all").eval()(IMAGES)
    kept = IMAGES.clone()
    activations = backbone.frozen(IMAGES)
    stored = activations.clone()
    assert torch.equal(backbone.trainable(activations), whole)
    assert torch.equal(backbone.trainable(activations), backbone(IMAGES))
    assert torch.equal(activations, stored)
    assert torch.equal(IMAGES, kept)
    assert not activations.requires_grad
    if train_from in ("all", "one"):
        assert activations is IMAGES


def test_gradients_exist_above_the_split_only():
    backbone = staged("two", "frozen").train()
    backbone(IMAGES).square().sum().backward()
    with_gradient = {name for name, parameter in backbone.named_parameters() if parameter.grad is not None}
    assert with_gradient == trained(backbone)
    assert {name.split(".")[1] for name in with_gradient} == {"two", "three"}


def test_train_from_can_be_changed():
    backbone = staged("none", "frozen").train()
    assert trained(backbone) == set()
    backbone.set_train_from("three")
    assert trained(backbone) == {"layers.three.weight", "layers.three.bias"}
    assert backbone.layers["three"].training
    assert not backbone.layers["two"].training
    backbone.set_train_from("all")
    assert backbone.layers["two"][2].training
    assert not backbone.layers["two"][1].training


def test_a_copy_is_independent():
    backbone = staged("two")
    other = copy.deepcopy(backbone)
    with torch.no_grad():
        next(other.parameters()).add_(1)
    assert not torch.equal(next(other.parameters()), next(backbone.parameters()))
    assert other.frozen_stages == backbone.frozen_stages


def test_double_backward_through_the_trainable_part():
    backbone = staged("two", "frozen").eval()
    activations = backbone.frozen(IMAGES[:1, :, :6, :7]).requires_grad_()
    assert torch.autograd.gradcheck(backbone.trainable, (activations,))


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"train_from must be 'all', 'none' or one of the stages one, two, three, got"):
        staged("conv5")
    with pytest.raises(ValueError, match="batch_norm must be 'frozen' or 'train', got 'off'"):
        staged("all", "off")
    with pytest.raises(ValueError, match="stages must hold at least one stage"):
        StagedBackbone(stages={}, out_channels=1, stride=1, normalization=NORMALIZATIONS["none"])
    with pytest.raises(ValueError, match=r"images must have the shape \(B, 3, H, W\), got \(3, 9, 11\)"):
        staged()(IMAGES[0])
    with pytest.raises(ValueError, match=r"got \(2, 1, 9, 11\)"):
        staged()(IMAGES[:, :1])


def test_torch_compile_without_graph_breaks():
    backbone = staged("two", "frozen").train()
    compiled = torch.compile(backbone, backend="eager", fullgraph=True)
    backbone.layers["two"][2].p = 0.0
    torch.testing.assert_close(compiled(IMAGES), backbone(IMAGES))


def test_export_with_a_free_size():
    backbone = staged("two", "frozen").eval()
    height, width = torch.export.Dim("height", min=8, max=64), torch.export.Dim("width", min=8, max=64)
    with torch.no_grad():
        program = torch.export.export(backbone, (IMAGES,), dynamic_shapes=({2: height, 3: width},))
    other = torch.rand(2, 3, 13, 10, dtype=torch.float64)
    torch.testing.assert_close(program.module()(other), backbone(other))
