"""How a pooling layer is tried: building it, starting it, feeding it."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from vpr_core.components import ComponentConfig
from vpr_core.testing.case import Case, Contract
from vpr_core.types import FeatureSpec, SupportsFeatureInit

__all__ = ["PoolingTrial"]


class PoolingTrial(Contract):
    """Builds a pooling layer and feeds it; `PoolingContract` says what has to come out.

    Attributes:
        channels: ``C`` of the feature maps it is tried with.
        map_size: ``(h, w)`` of them; also given to ``build`` in `FeatureSpec.map_size`.
        any_size: the layer takes maps of every size; False: of ``map_size`` only (MixVPR).
        min_locations: the smallest ``h * w`` it takes.
        init_features: local features for ``init_from_features``.
        exports: exported for maps of any size it is the same layer; False: it refuses to be, or other sizes afterwards.
        bfloat16_cosine: smallest cosine of a descriptor under bfloat16 autocast to that of float32.
        tolerance: largest difference of two descriptors that should be equal, in float32.
    """

    kind = "pooling"
    channels: ClassVar[int] = 24
    map_size: ClassVar[tuple[int, int]] = (5, 7)
    any_size: ClassVar[bool] = True
    min_locations: ClassVar[int] = 1
    init_features: ClassVar[int] = 400
    exports: ClassVar[bool] = True
    bfloat16_cosine: ClassVar[float] = 0.99
    tolerance: ClassVar[float] = 2e-5

    def layer(self, case: Case, *, config: ComponentConfig | None = None, seed: int = 0, start: bool = True) -> Any:
        """Build the layer in eval mode, started from features if it supports that."""
        spec = FeatureSpec(
            channels=self.option(case, "channels"), stride=16, map_size=self.option(case, "map_size"), global_token=True
        )
        layer = case.build_with(config or case.config, spec, seed=seed)
        case.require(isinstance(layer, nn.Module), f"build must return a torch.nn.Module, got {type(layer)}")
        for name, kind in (("out_dim", int), ("orderless", bool)):
            value = getattr(layer, name, None)
            case.require(isinstance(value, kind), f"the layer needs {name}: {kind.__name__}, got {value!r}")
        if start and isinstance(layer, SupportsFeatureInit):
            layer.init_from_features(self.local_features(case), generator=torch.Generator().manual_seed(seed))
        return layer.eval()

    def local_features(self, case: Case) -> Tensor:
        """Sample for ``init_from_features``, ``(N, C)``."""
        generator = torch.Generator().manual_seed(11)
        return torch.randn(self.option(case, "init_features"), self.option(case, "channels"), generator=generator)

    def maps(self, case: Case, batch: int = 3, *, size: tuple[int, int] | None = None, seed: int = 5) -> Tensor:
        """Feature maps with negative values, and one channel that never fires."""
        generator = torch.Generator().manual_seed(seed)
        shape = (batch, self.option(case, "channels"), *(size or self.option(case, "map_size")))
        maps = torch.randn(shape, generator=generator)
        maps[:, 0] = 0.0
        return maps

    def inputs(self, layer: Any, maps: Tensor) -> tuple[Tensor, ...]:
        """What the layer is called with; the global token, where it takes one, depends on each map alone."""
        if getattr(layer, "uses_global_token", False):
            return maps, maps.mean(dim=(2, 3)).roll(1, dims=1) + 0.1
        return (maps,)

    def call(self, layer: Any, maps: Tensor) -> Tensor:
        """Describe maps."""
        result: Tensor = layer(*self.inputs(layer, maps))
        return result

    def describe(self, layer: Any, maps: Tensor) -> Tensor:
        """`call` without a gradient."""
        with torch.no_grad():
            return self.call(layer, maps)

    def sizes(self, case: Case) -> list[tuple[int, int]]:
        """Map sizes to try."""
        if not self.option(case, "any_size"):
            return [self.option(case, "map_size")]
        tried = [self.option(case, "map_size"), (1, 1), (1, 9), (8, 3), (12, 16)]
        return [size for size in tried if size[0] * size[1] >= self.option(case, "min_locations")]
