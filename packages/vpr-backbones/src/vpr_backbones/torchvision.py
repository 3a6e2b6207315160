"""torchvision's networks, cut at a named stage."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torchvision.models
from torch import Tensor

from vpr_backbones.assembly import WithoutHead, cut_network, measure, name_map
from vpr_backbones.download import fetch_torchvision
from vpr_backbones.fitting import load_tensors
from vpr_backbones.normalization import NORMALIZATIONS, Normalization
from vpr_backbones.seeding import seeded
from vpr_backbones.staged import BatchNormMode, StagedBackbone
from vpr_backbones.table import NETWORKS
from vpr_backbones.weights import WeightsOrigin, read_weights

__all__ = ["build_torchvision"]


def build_torchvision(
    *,
    name: str,
    weights: str | Path | Mapping[str, Tensor] = "imagenet",
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
        normalization: None: ImageNet's mean and standard deviation.
        seed: of random weights; the global generators are not touched.

    Raises:
        ValueError: unknown network, stage or unfit weights.
        FileNotFoundError: no such weights file.
        ConnectionError: ``imagenet`` weights cannot be downloaded.
    """
    if name not in NETWORKS:
        raise ValueError(f"name must be one of {', '.join(NETWORKS)}, got {name!r}")
    network = NETWORKS[name]
    with seeded(seed), WithoutHead():
        model = torchvision.models.get_model(name, weights=None)
    stages = cut_network(model, network.stages, cut or network.cut)
    source_names, ignored = name_map(model, stages)
    channels, stride = measure(stages)
    backbone = StagedBackbone(
        stages=stages,
        out_channels=channels,
        stride=stride,
        normalization=normalization or NORMALIZATIONS["imagenet"],
        train_from=train_from,
        batch_norm=batch_norm or ("train" if weights == "none" else "frozen"),
        source_names=source_names,
        ignored_names=ignored,
        origin=WeightsOrigin(kind="none", name=f"seed {seed}"),
    )
    if isinstance(weights, Mapping):
        unused = load_tensors(backbone, weights, name="the tensors given")
        backbone.origin = WeightsOrigin(kind="tensors", name="tensors", ignored=unused)
    elif weights != "none":
        downloaded = fetch_torchvision(name) if weights == "imagenet" else None
        file = read_weights(downloaded or Path(weights))
        unused = load_tensors(backbone, file.tensors, name=str(file.path))
        backbone.origin = WeightsOrigin(
            kind="imagenet" if downloaded else "file", name=str(file.path), sha256=file.sha256, ignored=unused
        )
    return backbone
