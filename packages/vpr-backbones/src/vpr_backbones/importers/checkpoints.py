"""PyTorch checkpoints of NetVLAD by other projects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from vpr_backbones.importers.retriever import ImportedPooling, ImportedRetriever, cluster_major
from vpr_backbones.importers.trunk import recognize
from vpr_backbones.normalization import NORMALIZATIONS, Normalization

__all__ = ["from_state"]

_OPENIBL = Normalization(
    mean=(0.48501960784313836, 0.4579568627450961, 0.4076039215686255), std=(1 / 255, 1 / 255, 1 / 255)
)


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """Where a project keeps what, by the names in its state dict.

    Attributes:
        source: the project.
        trunk: prefix of the trunk, an ``nn.Sequential`` of the network's children.
        assignment: the 1x1 convolution.
        centroids: what is subtracted.
        whitening: the linear layer after it; empty when the project has none.
        normalization: of the input.
        cluster_minor: centroids are ``(D, K)`` and a flat descriptor has the cluster varying fastest, as in MATLAB.
    """

    source: str
    trunk: str
    assignment: str
    centroids: str
    whitening: str = ""
    normalization: Normalization = NORMALIZATIONS["imagenet"]
    cluster_minor: bool = False


_LAYOUTS = (
    _Layout(
        source="pytorch-NetVlad or Patch-NetVLAD",
        trunk="encoder.",
        assignment="pool.conv",
        centroids="pool.centroids",
        whitening="WPCA.0",
    ),
    _Layout(
        source="OpenIBL",
        trunk="base_model.base.",
        assignment="net_vlad.conv",
        centroids="net_vlad.centroids",
        whitening="pca_layer",
        normalization=_OPENIBL,
    ),
    _Layout(
        source="deep-visual-geo-localization-benchmark",
        trunk="backbone.",
        assignment="aggregation.conv",
        centroids="aggregation.centroids",
    ),
    _Layout(
        source="GSV-Cities, OpenVPRLab or another Lightning module",
        trunk="backbone.",
        assignment="aggregator.conv",
        centroids="aggregator.centroids",
    ),
    _Layout(
        source="hloc",
        trunk="backbone.",
        assignment="netvlad.score_proj",
        centroids="netvlad.centers",
        whitening="whiten",
        normalization=NORMALIZATIONS["caffe"],
        cluster_minor=True,
    ),
)


_TRUNK = "backbone."
_HEADS = ("aggregator.", "aggregation.")
_AROUND = {"model", "net", "network", "encoder", "backbone"}
_OF_TRAINING = ("loss_fn.", "loss.", "criterion.", "miner.")
"""What a Lightning module keeps beside the network: weights of its loss."""


def from_state(tensors: Mapping[str, Tensor], *, sha256: str, name: str) -> ImportedRetriever:
    """Read a state dict of one of the known projects.

    Args:
        tensors: by name, with or without ``module.`` anywhere.
        sha256: of the file.
        name: of the file, for messages.

    A trunk and a pooling layer of another kind come back with ``method="head"``: whoever knows the layer takes it from
    there.

    Raises:
        ValueError: no project known here writes such names, or there is more in it than a network.
    """
    plain = {_without_wrapper(key): value for key, value in tensors.items()}
    left = tuple(key for key in plain if key.startswith(_OF_TRAINING))
    plain = {key: value for key, value in plain.items() if key not in left}
    layout = next((layout for layout in _LAYOUTS if layout.centroids in plain), None)
    if layout is None:
        head = next((prefix for prefix in _HEADS if any(key.startswith(prefix) for key in plain)), None)
        if head is not None and any(key.startswith(_TRUNK) for key in plain):
            return _with_a_head(plain, head, left, sha256=sha256, name=name)
        known = "; ".join(f"{layout.source}: {layout.centroids}" for layout in _LAYOUTS)
        raise ValueError(
            f"weights: {name} holds no NetVLAD network of a project known here ({known}). Its names: "
            f"{', '.join(list(plain)[:6])}, ... For a trunk alone say weights: {name} under backbone"
        )
    wanted = (f"{layout.assignment}.weight", layout.centroids)
    missing = [key for key in wanted if key not in plain]
    if missing:
        raise ValueError(f"weights: {name} looks like {layout.source} but lacks {', '.join(missing)}")
    used = {*wanted, f"{layout.assignment}.bias", f"{layout.whitening}.weight", f"{layout.whitening}.bias"}
    odd = [key for key in plain if key not in used and not key.startswith(layout.trunk)]
    if odd:
        raise ValueError(
            f"weights: {name} ({layout.source}) has layers that a NetVLAD network does not have: {', '.join(odd[:6])}; "
            "leaving them out would change its descriptors"
        )
    network, cut, state = recognize(_trunk(plain, layout.trunk), source=layout.source)
    pooling = _pooling(plain, layout)
    return ImportedRetriever(
        source=layout.source,
        sha256=sha256,
        network=network,
        cut=cut,
        backbone_state=state,
        method="netvlad",
        pooling=pooling,
        whitening=_whitening(plain, layout, pooling, name),
        normalization=layout.normalization,
        left=left,
    )


def _with_a_head(
    plain: Mapping[str, Tensor], prefix: str, left: tuple[str, ...], *, sha256: str, name: str
) -> ImportedRetriever:
    """A trunk and a pooling layer that some other package knows."""
    odd = [key for key in plain if not key.startswith((prefix, _TRUNK))]
    if odd:
        raise ValueError(
            f"weights: {name} has layers beside {_TRUNK}* and {prefix}*: {', '.join(odd[:6])}; leaving them out would "
            "change its descriptors"
        )
    source = f"a checkpoint of {_TRUNK}* and {prefix}*"
    network, cut, state = recognize(_trunk(plain, _TRUNK), source=source)
    return ImportedRetriever(
        source=source,
        sha256=sha256,
        network=network,
        cut=cut,
        backbone_state=state,
        method="head",
        pooling=None,
        whitening=None,
        normalization=NORMALIZATIONS["imagenet"],
        head={key.removeprefix(prefix): value for key, value in plain.items() if key.startswith(prefix)},
        left=left,
    )


def _trunk(plain: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The trunk's tensors, without the names of modules around it (``backbone.model.conv1``)."""
    trunk = {key.removeprefix(prefix): value for key, value in plain.items() if key.startswith(prefix)}
    while trunk and len(first := {key.partition(".")[0] for key in trunk}) == 1 and first <= _AROUND:
        trunk = {key.partition(".")[2]: value for key, value in trunk.items()}
    return trunk


def _pooling(plain: Mapping[str, Tensor], layout: _Layout) -> ImportedPooling:
    weight = plain[f"{layout.assignment}.weight"].flatten(1)
    bias = plain.get(f"{layout.assignment}.bias")
    centroids = plain[layout.centroids]
    return ImportedPooling(
        form="v1" if bias is None else "v2",
        assignment_weight=weight,
        assignment_bias=bias,
        centroids=centroids.T.contiguous() if layout.cluster_minor else centroids,
    )


def _whitening(
    plain: Mapping[str, Tensor], layout: _Layout, pooling: ImportedPooling, name: str
) -> tuple[Tensor, Tensor] | None:
    weight, bias = (plain.get(f"{layout.whitening}.{part}") for part in ("weight", "bias"))
    if weight is None or bias is None:
        if weight is not None or bias is not None:
            raise ValueError(f"weights: {name} has only one of {layout.whitening}.weight and {layout.whitening}.bias")
        return None
    weight = weight.flatten(1)
    clusters, channels = pooling.centroids.shape
    if weight.shape[1] != clusters * channels:
        raise ValueError(
            f"weights: {layout.whitening}.weight of {name} must have {clusters} x {channels} columns, got "
            f"{tuple(weight.shape)}"
        )
    return (cluster_major(weight, clusters=clusters) if layout.cluster_minor else weight), bias


def _without_wrapper(key: str) -> str:
    """``DataParallel`` puts ``module`` somewhere into every name, a trainer its own ``model`` before all."""
    plain = ".".join(part for part in key.split(".") if part != "module")
    return plain.removeprefix("model.") if plain.startswith(("model.backbone.", "model.aggregat")) else plain
