"""A vision transformer as a staged backbone: tokens inside, a feature map outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from vpr_backbones.normalization import Normalization
from vpr_backbones.staged import BatchNormMode, StagedBackbone, without_autograd

__all__ = ["ClassTokenBackbone", "TokenBackbone", "TransformerBlock", "TransformerEmbedding"]

Grid = tuple[int, int]


class TransformerEmbedding(nn.Module):
    """Images to tokens: patches, prefix tokens (class, registers) and positions of a timm vision transformer.

    Args:
        transformer: timm's ``VisionTransformer`` or ``Eva``, without its blocks and head.
    """

    def __init__(self, *, transformer: nn.Module) -> None:
        super().__init__()
        self.transformer = transformer

    def forward(self, images: Tensor) -> Tensor:
        """Return tokens ``(B, P + h w, C)``, the ``P`` prefix tokens first."""
        net: Any = self.transformer
        embedded = net._pos_embed(net.patch_embed(images))
        tokens = embedded[0] if isinstance(embedded, tuple) else embedded
        normed: Tensor = net.norm_pre(tokens)
        return normed

    def rotation(self, grid: Grid) -> Tensor | None:
        """The rotary position embedding that every block needs, or None where there is none."""
        rope: Any = getattr(self.transformer, "rope", None)
        return rope.get_embed(shape=grid) if rope is not None else None


class TransformerBlock(nn.Module):
    """One block, the last one with the transformer's final normalisation.

    Args:
        block: timm's block.
        norm: applied to its output, or None.
    """

    def __init__(self, *, block: nn.Module, norm: nn.Module | None = None) -> None:
        super().__init__()
        self.block = block
        self.norm = norm

    def forward(self, tokens: Tensor, rotation: Tensor | None = None) -> Tensor:
        """Return tokens of the same shape."""
        tokens = self.block(tokens) if rotation is None else self.block(tokens, rope=rotation)
        return self.norm(tokens) if self.norm is not None else tokens


class TokenBackbone(StagedBackbone):
    """A `StagedBackbone` whose first stage makes tokens and whose other stages are transformer blocks.

    Between stages a token sequence is packed into ``(B, r + h, w, C)``: ``r`` rows hold the ``P`` prefix tokens, filled
    up with zeros, then come the ``h`` rows of patches. So what `frozen` returns says its own grid, and may be stored.

    Args:
        stages: ``embed`` and the blocks.
        prefix_tokens: ``P``.
        patch: side of a patch in pixels; image sides must be multiples of it.
        out_channels: see `StagedBackbone`.
        stride: likewise, as are the others.
        normalization: of the input.
        train_from: lowest stage that is trained.
        batch_norm: what becomes of batch normalisation.
    """

    def __init__(
        self,
        *,
        stages: Mapping[str, nn.Module],
        prefix_tokens: int,
        patch: int,
        out_channels: int,
        stride: int,
        normalization: Normalization,
        train_from: str = "all",
        batch_norm: BatchNormMode = "train",
    ) -> None:
        super().__init__(
            stages=stages,
            out_channels=out_channels,
            stride=stride,
            normalization=normalization,
            train_from=train_from,
            batch_norm=batch_norm,
        )
        self.prefix_tokens = prefix_tokens
        self.patch = patch

    def frozen(self, images: Tensor) -> Tensor:
        """Run the frozen stages without autograd; packed tokens, or ``images`` when everything is trained."""
        self._check(images)
        if self._split == 0:
            return images
        with without_autograd():
            tokens, grid = self._tokens(images, self.frozen_stages)
            return self._pack(tokens, grid)

    def trainable(self, activations: Tensor) -> Tensor:
        """Run the trained stages on what `frozen` returned: ``(B, C, h, w)``."""
        return self._map(*self._upper(activations))

    def _upper(self, activations: Tensor) -> tuple[Tensor, Grid]:
        if self._split == 0:
            return self._tokens(activations, self.stages)
        tokens, grid = self._unpack(activations)
        return self._blocks(tokens, grid, self.trainable_stages), grid

    def _tokens(self, images: Tensor, names: Sequence[str]) -> tuple[Tensor, Grid]:
        grid = (images.shape[2] // self.patch, images.shape[3] // self.patch)
        return self._blocks(self.layers[names[0]](images), grid, names[1:]), grid

    def _blocks(self, tokens: Tensor, grid: Grid, names: Sequence[str]) -> Tensor:
        embedding: Any = self.layers[self.stages[0]]
        rotation = embedding.rotation(grid)
        for name in names:
            tokens = self.layers[name](tokens, rotation)
        return tokens

    def _map(self, tokens: Tensor, grid: Grid) -> Tensor:
        patches = tokens[:, self.prefix_tokens :].transpose(1, 2)
        return torch.unflatten(patches, 2, grid)  # with a len() of the batch that would be fixed in an exported program

    def _pack(self, tokens: Tensor, grid: Grid) -> Tensor:
        height, width = grid
        rows = -(-self.prefix_tokens // width)
        filling = tokens.new_zeros(tokens.shape[0], rows * width - self.prefix_tokens, tokens.shape[2])
        prefix, patches = tokens[:, : self.prefix_tokens], tokens[:, self.prefix_tokens :]
        return torch.unflatten(torch.cat([prefix, filling, patches], dim=1), 1, (rows + height, width))

    def _unpack(self, packed: Tensor) -> tuple[Tensor, Grid]:
        width = packed.shape[2]
        rows = -(-self.prefix_tokens // width)
        sequence = packed.flatten(1, 2)
        tokens = torch.cat([sequence[:, : self.prefix_tokens], sequence[:, rows * width :]], dim=1)
        return tokens, (packed.shape[1] - rows, width)

    def _check(self, images: Tensor) -> None:
        super()._check(images)
        height, width = images.shape[2:]
        if height % self.patch or width % self.patch:
            nearest = tuple(max(1, round(side / self.patch)) * self.patch for side in (height, width))
            raise ValueError(
                f"images must have sides that are multiples of the patch, {self.patch} pixels, got {height} x {width}; "
                f"resize them to {nearest[0]} x {nearest[1]}, image: {{size: [{nearest[0]}, {nearest[1]}]}}"
            )


class ClassTokenBackbone(TokenBackbone):
    """A `TokenBackbone` that also gives its class token, the first of the prefix."""

    def forward_with_token(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the feature map ``(B, C, h, w)`` and the class token ``(B, C)``."""
        return self.trainable_with_token(self.frozen(images))

    def trainable_with_token(self, activations: Tensor) -> tuple[Tensor, Tensor]:
        """As `trainable`, with the class token: ``forward_with_token(x) == trainable_with_token(frozen(x))``."""
        tokens, grid = self._upper(activations)
        return self._map(tokens, grid), tokens[:, 0]
