"""The neutral structure: trunk, pooling, whitening and input normalisation of somebody's trained network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor

from vpr_backbones.normalization import Normalization
from vpr_backbones.staged import StagedBackbone
from vpr_backbones.torchvision import build_torchvision

__all__ = ["ImportedPooling", "ImportedRetriever", "cluster_major"]


@dataclass(frozen=True, kw_only=True)
class ImportedPooling:
    """Parameters of a NetVLAD layer, ``K`` clusters and ``D`` channels.

    Attributes:
        form: ``"v1"`` (no bias) or ``"v2"`` (with bias).
        assignment_weight: ``(K, D)``.
        assignment_bias: ``(K,)`` for v2, None for v1.
        centroids: ``(K, D)``, what is subtracted from a descriptor.
        normalize_input: descriptors are L2-normalised first.
        intra_normalize: each cluster's residual sum is L2-normalised.
    """

    form: Literal["v1", "v2"]
    assignment_weight: Tensor
    assignment_bias: Tensor | None
    centroids: Tensor
    normalize_input: bool = True
    intra_normalize: bool = True

    def __post_init__(self) -> None:
        weight, bias, centroids = self.assignment_weight, self.assignment_bias, self.centroids
        if weight.ndim != 2 or centroids.shape != weight.shape:
            raise ValueError(
                f"centroids must have the shape of assignment_weight, (K, D), got {tuple(centroids.shape)} and "
                f"{tuple(weight.shape)}"
            )
        if (bias is None) != (self.form == "v1") or (bias is not None and bias.shape != weight.shape[:1]):
            raise ValueError(f"assignment_bias must be (K,) for v2 and None for v1, got {self.form} with {bias!r}")


@dataclass(frozen=True, kw_only=True)
class ImportedRetriever:
    """A trained network, in our order: a flat descriptor has cluster ``k``, channel ``d`` at ``k * D + d``.

    Attributes:
        source: the project it comes from.
        sha256: of the file.
        network: name of the trunk among `vpr_backbones.table.NETWORKS`.
        cut: last stage of the trunk that is used.
        backbone_state: tensors of the trunk by the network's names, ``features.0.weight``.
        method: ``"netvlad"``, ``"max"`` or ``"avg"``, and the descriptor is L2-normalised after it; or ``"head"``: a
            pooling layer that this package does not know, in ``head``.
        pooling: NetVLAD's parameters; None for the others.
        whitening: ``(weight (d, K * D), bias (d,))`` of ``L2(weight x + bias)``, or None.
        normalization: of the input.
        head: tensors of the pooling layer by its project's names.
        left: names of tensors that only training used, and that are left aside.
    """

    source: str
    sha256: str
    network: str
    cut: str
    backbone_state: Mapping[str, Tensor]
    method: Literal["netvlad", "max", "avg", "head"]
    pooling: ImportedPooling | None
    whitening: tuple[Tensor, Tensor] | None
    normalization: Normalization
    head: Mapping[str, Tensor] = field(default_factory=dict)
    left: tuple[str, ...] = ()

    @property
    def mean(self) -> tuple[float, float, float]:
        """Of the input, in units of ``image * input_scale``."""
        return self.normalization.mean

    @property
    def std(self) -> tuple[float, float, float]:
        """Of the input."""
        return self.normalization.std

    @property
    def input_scale(self) -> float:
        """What images in 0..1 are multiplied by first."""
        return self.normalization.scale

    def build_backbone(self, *, train_from: str = "none") -> StagedBackbone:
        """Build the trunk with its weights and input normalisation."""
        return build_torchvision(
            name=self.network,
            weights=self.backbone_state,
            cut=self.cut,
            train_from=train_from,
            normalization=self.normalization,
        )


def cluster_major(weight: Tensor, *, clusters: int) -> Tensor:
    """Reorder the columns of ``(d, D * K)``, where the cluster varies fastest, to ``(d, K * D)``."""
    rows = weight.shape[0]
    return weight.reshape(rows, -1, clusters).transpose(1, 2).reshape(rows, -1).contiguous()
