"""The contract every backbone of the registry keeps, on one network of each way of building."""

from __future__ import annotations

import pytest

pytest.importorskip("vpr_core", reason="vpr-core is not installed: the leaf is used as a library")
from vpr_backbones import plugin
from vpr_core.testing import BackboneContract

SPECS = {spec.name: spec for spec in plugin.vpr_backbones()}
NO_FILE = {"weights": "there is no file of weights to try; test_weights and test_fitting do"}


class TestTiny(BackboneContract):
    spec = SPECS["tiny"]
    parameters = {"width": 0.25, "train_from": "conv3"}  # noqa: RUF012
    inert = {"weights": "there is no file of weights to try; test_tiny does"}  # noqa: RUF012


class TestResNet(BackboneContract):
    spec = SPECS["resnet18"]
    parameters = {"weights": "none", "cut": "layer2", "train_from": "layer1"}  # noqa: RUF012
    inert = NO_FILE


class TestCaffeAlexNet(BackboneContract):
    spec = SPECS["caffe_alexnet"]
    parameters = {"weights": "none", "cut": "conv3", "train_from": "conv2"}  # noqa: RUF012
    inert = NO_FILE


class TestTimmConvolutional(BackboneContract):
    spec = SPECS["timm"]
    parameters = {"model": "mobilenetv1_100", "weights": "none", "cut": "blocks_1", "train_from": "blocks_1"}  # noqa: RUF012
    other = {"model": ["mobilenetv1_125"], "cut": ["blocks_2"], "train_from": ["none"]}  # noqa: RUF012
    inert = NO_FILE | {"final_norm": "of a transformer"}


class TestTimmTransformer(BackboneContract):
    spec = SPECS["timm"]
    any_size = False
    parameters = {"model": "vit_tiny_patch16_224", "weights": "none", "cut": 1, "train_from": "blocks_1"}  # noqa: RUF012
    other = {"model": ["vit_small_patch16_224"], "cut": [2], "train_from": ["embed"]}  # noqa: RUF012
    inert = NO_FILE | {
        "batch_norm": "a transformer has none",
        "padding": "of a convolutional network",
        "batch_norm_eps": "of a convolutional network",
    }
