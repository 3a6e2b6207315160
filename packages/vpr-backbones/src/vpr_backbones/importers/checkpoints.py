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
        source="hloc",
        trunk="backbone.",
        assignment="netvlad.score_proj",
        centroids="netvlad.centers",
        whitening="whiten",
        normalization=NORMALIZATIONS["caffe"],
        cluster_minor=True,
    ),
)


def from_state(tensors: Mapping[str, Tensor], *, sha256: str, name: str) -> ImportedRetriever:
    """Read a state dict of one of the known projects.

    Args:
        tensors: by name, with or without ``module.`` anywhere.
        sha256: of the file.
        name: of the file, for messages.

    Raises:
        ValueError: no project known here writes such names, or there is more in it than a NetVLAD network.
    """
    plain = {_without_wrapper(key): value for key, value in tensors.items()}
    layout = next((layout for layout in _LAYOUTS if layout.centroids in plain), None)
    if layout is None:
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
    trunk = {key.removeprefix(layout.trunk): value for key, value in plain.items() if key.startswith(layout.trunk)}
    network, cut, state = recognize(trunk, source=layout.source)
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
    )


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
    """``DataParallel`` puts ``module`` somewhere into every name."""
    return ".".join(part for part in key.split(".") if part != "module")
