from __future__ import annotations

import pytest
import torch

from vpr_backbones import build_tiny, build_torchvision, receptive_field


@pytest.mark.parametrize(
    ("name", "cut", "pixels"),
    [("vgg16", "conv5", 196), ("alexnet", "conv5", 163), ("caffe_alexnet", "conv5", 163), ("vgg16", "conv1", 5)],
)
def test_published_sizes(name, cut, pixels):
    assert receptive_field(build_torchvision(name=name, weights="none", cut=cut)) == pixels


@pytest.mark.parametrize("stride", [8, 16])
def test_it_is_what_the_gradient_of_one_location_reaches(stride):
    """All weights positive: no path cancels another."""
    backbone = build_tiny(seed=0, width=0.25, stride=stride, norm="none").double().eval()
    with torch.no_grad():
        for parameter in backbone.parameters():
            parameter.abs_()
    images = torch.ones(1, 3, 160, 176, dtype=torch.float64, requires_grad=True)
    features = backbone(images)
    row, column = features.shape[2] // 2, features.shape[3] // 2
    features[0, :, row, column].sum().backward()
    rows, columns = images.grad[0].sum(0).nonzero().T
    pixels = receptive_field(backbone)
    assert (rows.max() - rows.min() + 1, columns.max() - columns.min() + 1) == (pixels, pixels)


def test_a_network_that_branches_is_refused():
    with pytest.raises(ValueError, match="BasicBlock is no layer of a plain chain"):
        receptive_field(build_torchvision(name="resnet18", weights="none"))
