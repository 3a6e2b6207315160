"""torchvision's networks, and Caffe's AlexNet, cut at a named stage."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from vpr_backbones.assembly import WithoutHead, cut_network, measure
from vpr_backbones.caffe_alexnet import CaffeAlexNet
from vpr_backbones.download import fetch_torchvision
from vpr_backbones.loading import Weights, default_batch_norm, fill, find_weights
from vpr_backbones.normalization import NORMALIZATIONS, Normalization
from vpr_backbones.seeding import seeded
from vpr_backbones.staged import BatchNormMode, StagedBackbone
from vpr_backbones.table import NETWORKS
from vpr_backbones.without_compiler import without_compiler

with without_compiler():
    import torchvision.models

__all__ = ["build_torchvision", "make_network"]


def build_torchvision(
    *,
    name: str,
    weights: Weights = "imagenet",
    cut: str | None = None,
    train_from: str = "all",
    batch_norm: BatchNormMode | None = None,
    normalization: Normalization | None = None,
    seed: int = 0,
) -> StagedBackbone:
    """Build one of `vpr_backbones.table.NETWORKS`, cut after a stage.

    Args:
        name: of the network: ``"vgg16"``, ``"resnet18"``, ...
        weights: ``"imagenet"`` (torchvision's IMAGENET1K_V1, downloaded once), ``"none"`` (random), a file, or tensors.
        cut: the last stage kept; None: the network's usual one (``conv5`` for VGG and AlexNet, before its last ReLU;
            ``layer3`` for ResNets).
        train_from: lowest stage that is trained, ``"all"`` or ``"none"``.
        batch_norm: ``"frozen"``, ``"train"``; None: frozen when there are weights.
        normalization: None: ImageNet's mean and standard deviation; Caffe's mean for ``caffe_alexnet``.
        seed: of random weights; the global generators are not touched.

    Raises:
        ValueError: unknown network, stage or unfit weights.
        FileNotFoundError: no such weights file.
        ConnectionError: ``imagenet`` weights cannot be downloaded.
    """
    if name not in NETWORKS:
        raise ValueError(f"name must be one of {', '.join(NETWORKS)}, got {name!r}")
    network = NETWORKS[name]
    origin, tensors = find_weights(weights, seed=seed, fetch=lambda: _fetch(name))
    with seeded(seed), WithoutHead():
        model = make_network(name)
    stages = cut_network(model, network.stages, cut or network.cut)
    channels, stride = measure(stages)
    backbone = StagedBackbone(
        stages=stages,
        out_channels=channels,
        stride=stride,
        normalization=normalization or NORMALIZATIONS[network.normalization],
        train_from=train_from,
        batch_norm=default_batch_norm(weights, batch_norm),
    )
    fill(backbone, origin, tensors, network=model.state_dict(keep_vars=True))
    return backbone


def make_network(name: str) -> nn.Module:
    """The whole network with random weights."""
    if NETWORKS[name].library == "Caffe":
        return CaffeAlexNet()
    network: nn.Module = torchvision.models.get_model(name, weights=None)
    return network


def _fetch(name: str) -> Path:
    if NETWORKS[name].library != "torchvision":
        raise ValueError(
            f"weights: nobody publishes weights of {name} in a form that can be downloaded here; give a file with the "
            "names features.0.weight, ... or import a MATLAB network with read_retriever"
        )
    return fetch_torchvision(name)
