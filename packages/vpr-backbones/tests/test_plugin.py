"""The plug-in needs vpr-core and pydantic, which the leaf alone does not bring."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("vpr_core", reason="vpr-core is not installed: the leaf is used as a library")
from pydantic import ValidationError

from vpr_backbones import plugin
from vpr_backbones.table import NETWORKS

SPECS = {spec.name: spec for spec in plugin.vpr_backbones()}


def test_every_network_has_its_name():
    assert set(NETWORKS) <= set(SPECS)
    assert "tiny" in SPECS
    for name, spec in SPECS.items():
        assert spec.config.model_fields["type"].default == name
        assert spec.summary
        for field, info in spec.config.model_fields.items():
            assert info.description or field == "type", f"{name}.{field} has no description"


def test_listing_components_imports_no_torch():
    code = (
        "import sys; from vpr_backbones import plugin; names = [s.config.model_json_schema() for s in "
        "plugin.vpr_backbones()]; print(sorted({'torch', 'torchvision', 'timm', 'numpy', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_build_passes_every_field():
    spec = SPECS["vgg11"]
    config = spec.config(weights="none", cut="conv3", train_from="conv2", normalization="caffe", seed=4)
    backbone = spec.build(config)
    assert backbone.stages == ("conv1", "conv2", "conv3")
    assert backbone.frozen_stages == ("conv1",)
    assert (backbone.input_scale, backbone.batch_norm) == (255.0, "train")
    frozen = SPECS["resnet18"].config(weights="none", cut="conv1", batch_norm="frozen")
    assert SPECS["resnet18"].build(frozen).batch_norm == "frozen"


def test_build_tiny():
    spec = SPECS["tiny"]
    config = spec.config(width=0.5, stride=16, norm="none", train_from="conv4", normalization="half", seed=3)
    backbone = spec.build(config)
    assert (backbone.out_channels, backbone.stride, backbone.mean) == (64, 16, (0.5, 0.5, 0.5))
    assert backbone.frozen_stages == ("conv1", "conv2", "conv3")
    assert spec.build(spec.config()).stages == backbone.stages


def test_wrong_stages_are_told_apart():
    vgg = SPECS["vgg16"].config
    assert vgg(train_from="conv5").cut == "conv5"
    with pytest.raises(ValidationError, match="'all', 'none', 'conv1', 'conv2', 'conv3', 'conv4' or 'conv5'"):
        vgg(train_from="layer3")
    with pytest.raises(ValidationError, match="'layer2', 'layer3' or 'layer4'"):
        SPECS["resnet18"].config(cut="conv5")
    with pytest.raises(ValidationError, match=r"train_from: 'layer4' lies above cut: 'layer3'; kept: conv1, layer1"):
        SPECS["resnet18"].config(train_from="layer4")
    with pytest.raises(ValidationError, match="extra"):
        vgg(frozen="conv5")


@pytest.mark.parametrize("field", ["seed", "weights"])
def test_bounds(field):
    with pytest.raises(ValidationError, match=field):
        SPECS["alexnet"].config(**{field: {"seed": -1, "weights": ""}[field]})


def test_input_normalisation_by_its_numbers():
    spec = SPECS["alexnet"]
    values = {"mean": (122.0, 117.0, 104.0), "scale": 255.0}
    backbone = spec.build(spec.config(type="alexnet", weights="none", normalization=values))
    assert (backbone.mean, backbone.std, backbone.input_scale) == ((122.0, 117.0, 104.0), (1.0, 1.0, 1.0), 255.0)
    for wrong in ({"mean": (1.0, 2.0)}, {"mean": (1.0, 2.0, 3.0), "std": (0.0, 1.0, 1.0)}, {"scale": 1.0}, "cafe"):
        with pytest.raises(ValueError, match="normalization"):
            spec.config(type="alexnet", weights="none", normalization=wrong)
