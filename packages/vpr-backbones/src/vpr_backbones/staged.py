"""A backbone as a chain of named stages, of which the first few may be frozen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Literal, Self

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

if TYPE_CHECKING:
    from vpr_backbones.normalization import Normalization
    from vpr_backbones.weights import WeightsOrigin

__all__ = ["BatchNormMode", "StagedBackbone"]

BatchNormMode = Literal["frozen", "train"]


class StagedBackbone(nn.Module):
    """Normalised images ``(B, 3, H, W)`` to a feature map ``(B, C, h, w)`` through named stages.

    ``forward(x) == trainable(frozen(x))``. ``frozen`` holds the stages below ``train_from``: their parameters have
    ``requires_grad=False``, they stay in ``eval`` mode whatever ``train()`` says, and they run without autograd. Its
    result may be kept and fed to ``trainable`` again; ``trainable`` does not write to it.

    Args:
        stages: name -> module, from input to output. The modules are used, not copied.
        out_channels: ``C``.
        stride: input pixels per step of the map.
        normalization: what the images must have gone through before.
        train_from: the lowest stage that is trained, ``"all"`` or ``"none"``.
        batch_norm: ``"frozen"`` keeps every batch normalisation as it is, statistics, scale and shift, also in trained
            stages (right for pretrained weights and small batches); ``"train"`` treats it like any other layer.

    Attributes:
        stages: the names, from input to output.
        mean, std, input_scale: images in 0..1 are prepared by ``(image * input_scale - mean) / std``.
        origin: where the weights are from; None when nobody said.
        source_names: own parameter name -> its name in the network the stages were cut from; empty if there is none.
        ignored_names: names of that network which lie above the cut.

    Raises:
        ValueError: no stages, or ``train_from`` is no stage; lists the stages.
    """

    def __init__(
        self,
        *,
        stages: Mapping[str, nn.Module],
        out_channels: int,
        stride: int,
        normalization: Normalization,
        train_from: str = "all",
        batch_norm: BatchNormMode = "train",
    ) -> None:
        super().__init__()
        if not stages:
            raise ValueError("stages must hold at least one stage, got none")
        if batch_norm not in ("frozen", "train"):
            raise ValueError(f"batch_norm must be 'frozen' or 'train', got {batch_norm!r}")
        self.layers = nn.ModuleDict(stages)
        self.stages: tuple[str, ...] = tuple(stages)
        self.out_channels = out_channels
        self.stride = stride
        self.mean = normalization.mean
        self.std = normalization.std
        self.input_scale = normalization.scale
        self.batch_norm = batch_norm
        self.origin: WeightsOrigin | None = None
        self.source_names: Mapping[str, str] = {}
        self.ignored_names: frozenset[str] = frozenset()
        self.set_train_from(train_from)

    @property
    def frozen_stages(self) -> tuple[str, ...]:
        """The stages below ``train_from``."""
        return self.stages[: self._split]

    @property
    def trainable_stages(self) -> tuple[str, ...]:
        """The stages from ``train_from`` on."""
        return self.stages[self._split :]

    def set_train_from(self, train_from: str) -> None:
        """Freeze the stages below ``train_from`` and nothing else; ``"all"`` and ``"none"`` are allowed.

        Sets every parameter's ``requires_grad``; make the optimiser afterwards.
        """
        ends = {"all": 0, "none": len(self.stages)}
        if train_from not in ends and train_from not in self.stages:
            raise ValueError(
                f"train_from must be 'all', 'none' or one of the stages {', '.join(self.stages)}, got {train_from!r}"
            )
        self.train_from = train_from
        self._split = ends[train_from] if train_from in ends else self.stages.index(train_from)
        for position, name in enumerate(self.stages):
            self.layers[name].requires_grad_(position >= self._split)
        if self.batch_norm == "frozen":
            for module in self._batch_norms():
                module.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Set training mode, except for what is frozen."""
        super().train(mode)
        for name in self.frozen_stages:
            self.layers[name].eval()
        if self.batch_norm == "frozen":
            for module in self._batch_norms():
                module.eval()
        return self

    def frozen(self, images: Tensor) -> Tensor:
        """Run the frozen stages without autograd; returns ``images`` itself when everything is trained."""
        self._check(images)
        if self._split == 0:
            return images
        with without_autograd():
            return self._run(images, self.frozen_stages)

    def trainable(self, activations: Tensor) -> Tensor:
        """Run the trained stages on what `frozen` returned: ``(B, C, h, w)``."""
        return self._run(activations, self.trainable_stages)

    def forward(self, images: Tensor) -> Tensor:
        """Return the feature map ``(B, C, h, w)`` of normalised images ``(B, 3, H, W)``."""
        return self.trainable(self.frozen(images))

    def _run(self, activations: Tensor, names: Sequence[str]) -> Tensor:
        for name in names:
            activations = self.layers[name](activations)
        return activations

    def _batch_norms(self) -> Iterator[nn.Module]:
        return (module for module in self.modules() if isinstance(module, _BatchNorm))

    def _check(self, images: Tensor) -> None:
        if images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(f"images must have the shape (B, 3, H, W), got {tuple(images.shape)}")

    def extra_repr(self) -> str:
        """What a print of the module shows first."""
        return f"out_channels={self.out_channels}, stride={self.stride}, train_from={self.train_from!r}"


def without_autograd() -> AbstractContextManager[object]:
    """``no_grad`` where it changes something: an exported graph then holds no switch of the gradient mode."""
    return torch.no_grad() if torch.is_grad_enabled() else nullcontext()
