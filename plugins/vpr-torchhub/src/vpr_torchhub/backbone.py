"""A whole published network in the place of a backbone: its map has one location, the finished descriptor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from vpr_torchhub.origin import HubOrigin

__all__ = ["HubBackbone"]

Triple = tuple[float, float, float]
IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)
IMAGENET_STD: Triple = (0.229, 0.224, 0.225)


class HubBackbone(nn.Module):
    """``(B, 3, H, W)`` normalised images to ``(B, D, 1, 1)``: the network's descriptor as a map of one location.

    ``stride`` is larger than any image: a step of the map is a whole image.

    Args:
        model: maps images to descriptors ``(B, D)``, or to a tuple or list of which one is.
        train_from: ``none`` keeps the network as it is, in eval mode; ``all`` trains what its authors left trainable.
        mean: of the input, a colour each.
        std: of the input.
        dim: ``D`` as published; None: found by one call.
        probe: ``(H, W)`` of the grey image of that call.
        multiple: sides of an image must be multiples of this (14 for DINOv2 without resizing).
        fault: says of a height and a width why such images are not taken; empty when they are.
        take: which of several results is the descriptor.
        alone: images are given to the network one by one, as a descriptor depends on the batch.
        origin: whose code and weights these are, for the record of a run.

    Raises:
        ValueError: the network does not give ``(B, D)``.
    """

    stride = 16_384
    stages: tuple[str, ...] = ("network",)
    input_scale = 1.0

    def __init__(
        self,
        *,
        model: nn.Module,
        train_from: Literal["none", "all"] = "none",
        mean: Triple = IMAGENET_MEAN,
        std: Triple = IMAGENET_STD,
        dim: int | None = None,
        probe: tuple[int, int] = (224, 224),
        multiple: int = 1,
        fault: Callable[[int, int], str] | None = None,
        take: int = 0,
        alone: bool = False,
        origin: HubOrigin | None = None,
    ) -> None:
        super().__init__()
        self.model = model.module if isinstance(model, nn.DataParallel) else model
        self.mean, self.std, self.multiple = mean, std, multiple
        self.alone, self.origin = alone, origin
        self._fault, self._take, self._dim = fault, take, dim
        self._frozen = train_from == "none"
        if self._frozen:
            self.model.requires_grad_(False)
        self.model.eval()
        if dim is None:
            with torch.no_grad():
                dim = int(self._describe(torch.zeros(1, 3, *probe)).shape[1])
        self.out_channels = dim
        self.train(self.training)

    def forward(self, images: Tensor) -> Tensor:
        """Return ``(B, D, 1, 1)``.

        Raises:
            ValueError: images of a size that the network does not take.
        """
        return self._describe(images)

    def frozen(self, images: Tensor) -> Tensor:
        """Return the finished descriptors where nothing is trained, else the images."""
        return self._describe(images) if self._frozen else images

    def trainable(self, activations: Tensor) -> Tensor:
        """Return the finished descriptors of what ``frozen`` returned."""
        return activations if self._frozen else self._describe(activations)

    def train(self, mode: bool = True) -> HubBackbone:
        """Keep a network that is not trained in eval mode."""
        super().train(mode)
        if self._frozen:
            self.model.eval()
        return self

    def _describe(self, images: Tensor) -> Tensor:
        self._check(*images.shape[-2:])
        if self.alone and len(images) > 1:
            return torch.cat([self._rows(image[None]) for image in images])[:, :, None, None]
        return self._rows(images)[:, :, None, None]

    def _check(self, height: int, width: int) -> None:
        if height % self.multiple or width % self.multiple:
            near = [max(1, round(side / self.multiple)) * self.multiple for side in (height, width)]
            raise ValueError(
                f"images are {height} x {width}; this network takes multiples of {self.multiple}, such as "
                f"image.size: {near}"
            )
        if self._fault is not None and (said := self._fault(height, width)):
            raise ValueError(f"images are {height} x {width}: image.size: {said}")

    def _rows(self, images: Tensor) -> Tensor:
        found: Any = self.model(images)
        if isinstance(found, (tuple, list)) and len(found) > self._take:
            found = found[self._take]
        while isinstance(found, (tuple, list)) and found:
            found = found[0]
        if not isinstance(found, Tensor) or found.ndim != 2 or len(found) != len(images):
            what = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise ValueError(
                f"model must give descriptors ({len(images)}, D), or a tuple that begins with them, for {len(images)} "
                f"images; got {what}"
            )
        if self._dim is not None and found.shape[1] != self._dim:
            raise ValueError(
                f"model gives {found.shape[1]} numbers an image and {self._dim} were published: the repository has "
                "changed; pin 'ref' to the commit of the release"
            )
        return found
