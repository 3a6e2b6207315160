"""What a run file says of a network, weights aside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from vpr_core import ComponentConfig, RunConfig
    from vpr_core.config.sections import ImageConfig

__all__ = ["Architecture"]


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """The blocks of a run file that decide a descriptor, with the weights: the network's parts, and how it sees images.

    Attributes:
        backbone: images to a feature map.
        pooling: feature map to descriptor.
        image: how images are sized before; a pooling layer may be built for one size.
    """

    backbone: ComponentConfig
    pooling: ComponentConfig
    image: ImageConfig

    @classmethod
    def of(cls, config: RunConfig) -> Self:
        """Return that of a run."""
        return cls(backbone=config.backbone, pooling=config.pooling, image=config.image)

    @property
    def components(self) -> tuple[tuple[str, ComponentConfig], ...]:
        """The parts, each with its kind."""
        return ("backbone", self.backbone), ("pooling", self.pooling)

    def blocks(self) -> dict[str, dict[str, Any]]:
        """Return the blocks of the parts as plain data, without ``backbone.weights``.

        Where the weights came from says less than the weights, and is a path on somebody's machine.
        """
        blocks = {kind: component.model_dump(mode="json") for kind, component in self.components}
        blocks["backbone"].pop("weights", None)
        return blocks
