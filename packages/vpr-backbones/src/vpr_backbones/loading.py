"""``weights: imagenet | none | <file>`` for any backbone: fetch, read, fit, remember where they came from."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from torch import Tensor

from vpr_backbones.fitting import foreign_names, load_tensors, some
from vpr_backbones.staged import BatchNormMode, StagedBackbone
from vpr_backbones.weights import WeightsOrigin, read_weights

__all__ = ["Weights", "default_batch_norm", "fill", "find_weights"]

log = logging.getLogger(__name__)
Weights = str | Path | Mapping[str, Tensor]
"""``"imagenet"``, ``"none"``, a file, or tensors by name."""


def default_batch_norm(weights: Weights, batch_norm: BatchNormMode | None) -> BatchNormMode:
    """Pretrained statistics are kept; random ones are learnt."""
    return batch_norm or ("train" if weights == "none" else "frozen")


def find_weights(
    weights: Weights, *, seed: int, fetch: Callable[[], Path]
) -> tuple[WeightsOrigin, Mapping[str, Tensor]]:
    """Return where the weights come from, and the tensors: none for ``"none"``.

    Args:
        weights: see `Weights`.
        seed: of random weights, for the record.
        fetch: returns the file of the published weights.

    Raises:
        FileNotFoundError, ValueError: see `vpr_backbones.weights.read_weights`.
        ConnectionError: see ``fetch``.
    """
    if isinstance(weights, Mapping):
        return WeightsOrigin(kind="tensors", name="tensors"), weights
    if weights == "none":
        return WeightsOrigin(kind="none", name=f"seed {seed}"), {}
    file = read_weights(fetch() if weights == "imagenet" else weights)
    kind: Literal["imagenet", "file"] = "imagenet" if weights == "imagenet" else "file"
    return WeightsOrigin(kind=kind, name=str(file.path), sha256=file.sha256), file.tensors


def fill(
    backbone: StagedBackbone,
    origin: WeightsOrigin,
    tensors: Mapping[str, Tensor],
    *,
    network: Mapping[str, Tensor],
) -> None:
    """Put ``tensors`` into ``backbone``; set its ``origin``, ``source_names`` and ``ignored_names``.

    A file may hold more than the network: the pooling layer that was trained with it. That is said by a warning, for
    the layer that the caller puts behind the backbone then starts anew.

    Args:
        backbone: with random weights, which stay if ``origin`` says there are none.
        origin: where the tensors come from.
        tensors: by name.
        network: ``state_dict(keep_vars=True)`` of the network it was cut from: the backbone holds the same tensors.

    Raises:
        ValueError: see `vpr_backbones.fitting.load_tensors`.
    """
    known = {id(tensor): name for name, tensor in network.items()}
    kept = backbone.state_dict(keep_vars=True)
    backbone.source_names = {own: known[id(tensor)] for own, tensor in kept.items()}
    backbone.ignored_names = frozenset(known.values()) - frozenset(backbone.source_names.values())
    unused = () if origin.kind == "none" else load_tensors(backbone, tensors, name=origin.name)
    foreign = foreign_names(backbone, tensors) if unused else ()
    if foreign and origin.kind == "file":
        log.warning(
            "weights: %s holds more than this network, and %d of its tensors are not used: %s. Whatever they were "
            "trained for starts anew; `vpr import %s` takes checkpoints of the projects it knows whole",
            origin.name,
            len(foreign),
            some(foreign),
            origin.name,
        )
    backbone.origin = replace(origin, ignored=unused, foreign=foreign)
