"""Whether a network was ever trained: what its numbers are worth is said before they are believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from vpr_backbones.seeding import seeded
from vpr_core import FeatureSpec
from vpr_runner.keys import key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from vpr_core import ComponentConfig, Registry
    from vpr_runner.network.retriever import Retriever

__all__ = ["has_random_numbers", "random_parts", "said_of"]


def has_random_numbers(backbone: Any) -> bool:
    """Whether a backbone drew its numbers itself, as its ``origin`` says; one that says nothing is believed."""
    return getattr(getattr(backbone, "origin", None), "kind", None) == "none"


def random_parts(
    retriever: Retriever,
    pooling: ComponentConfig,
    features: FeatureSpec,
    registry: Registry,
    *,
    started: Mapping[str, Tensor],
) -> tuple[str, ...]:
    """Return which of ``backbone`` and ``pooling`` hold random numbers that nothing has replaced.

    A pooling layer has random numbers where it comes out otherwise under another seed (GeM does not, MixVPR does),
    unless a start from features has set them (NetVLAD's centres).

    Args:
        retriever: of which nothing was trained.
        pooling: the block of its pooling layer.
        features: what that layer is built for.
        registry: builds it once more.
        started: the layer's state before a start from features.
    """
    found = []
    if has_random_numbers(retriever.backbone):
        found.append("backbone")
    with seeded(key(0, "another seed")):
        other: Any = registry.build("pooling", pooling, features)
    again, now = other.state_dict(), retriever.pooling.state_dict()
    drawn = [name for name, value in started.items() if not _same(value, again.get(name))]
    if any(_same(started[name], now.get(name)) for name in drawn):
        found.append("pooling")
    return tuple(found)


def said_of(retriever: Retriever) -> str:
    """Return one line about a network with random parts, empty for one without."""
    parts = " and ".join(retriever.untrained)
    if not parts:
        return ""
    return (
        f"random weights: the {parts} of this network {'was' if len(retriever.untrained) == 1 else 'were'} never "
        f"trained{_MEASURED if 'backbone' in retriever.untrained else ''}; `vpr models` lists networks with weights"
    )


_MEASURED = ""


def _same(one: Tensor, other: Tensor | None) -> bool:
    return other is not None and one.shape == other.shape and torch.equal(one.cpu(), other.cpu())
