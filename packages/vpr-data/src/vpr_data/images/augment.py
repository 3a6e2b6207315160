"""Random changes of training images, each a function of (seed, epoch, image)."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from vpr_data.images.resize import resize_image

__all__ = ["Augmentation"]

GREY = (0.299, 0.587, 0.114)
"""Weights of R, G, B in brightness (ITU-R BT.601)."""


class Augmentation:
    """Random crop, zoom, rotation, mirroring and colour change; everything is off unless asked for.

    What happens to an image depends on ``(seed, epoch, key)`` alone, so a resumed run, a run in several processes and
    an undisturbed one see the same pictures. An image keeps its size.

    Args:
        seed: of the run.
        epoch: of training.
        crop: a random part of at least this share of the area is cut out, same aspect ratio; None: no crop.
        rotation: by up to this many degrees either way; what comes in from outside is the edge mirrored.
        flip: mirror half of the images left to right. A mirrored street is another place: of use for textures only.
        colour: brightness, contrast and saturation change by up to this share, each on its own.
        scale: zoom by up to this share in or out about the centre.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(
        self,
        *,
        seed: int,
        epoch: int,
        crop: float | None = None,
        rotation: float = 0.0,
        flip: bool = False,
        colour: float = 0.0,
        scale: float = 0.0,
    ) -> None:
        if seed < 0 or epoch < 0:
            raise ValueError(f"seed and epoch must be at least 0, got {seed} and {epoch}")
        if crop is not None and not 0 < crop <= 1:
            raise ValueError(f"crop must be in (0, 1] or None, got {crop}")
        if not 0 <= rotation <= 180:
            raise ValueError(f"rotation must be between 0 and 180 degrees, got {rotation}")
        if not 0 <= colour <= 1:
            raise ValueError(f"colour must be between 0 and 1, got {colour}")
        if not 0 <= scale < 1:
            raise ValueError(f"scale must be at least 0 and less than 1, got {scale}")
        self.seed, self.epoch = seed, epoch
        self.crop, self.rotation, self.flip, self.colour, self.scale = crop, rotation, flip, colour, scale

    def __call__(self, image: Tensor, key: int) -> Tensor:
        """Change uint8 ``(3, H, W)``; ``key`` numbers the image within the run."""
        # All draws are made whatever is switched on: one option does not change what another draws.
        bits = np.random.Philox(np.random.SeedSequence([self.seed, self.epoch, key]))
        draws: list[float] = np.random.Generator(bits).random(9).tolist()
        size = (image.shape[1], image.shape[2])
        if self.crop is not None:
            image = resize_image(_crop(image, 1 - draws[0] * (1 - self.crop), draws[1], draws[2]), size)
        if self.rotation or self.scale:
            image = _turn(image, self.rotation * (2 * draws[3] - 1), 1 + self.scale * (2 * draws[4] - 1))
        if self.flip and draws[5] < 0.5:
            image = image.flip(2)
        if self.colour:
            image = _recolour(image, *(1 + self.colour * (2 * draw - 1) for draw in draws[6:]))
        return image


def _crop(image: Tensor, share: float, across: float, down: float) -> Tensor:
    height, width = image.shape[1:]
    h, w = (max(1, round(side * math.sqrt(share))) for side in (height, width))
    top, left = int(down * (height - h + 1)), int(across * (width - w + 1))
    return image[:, top : top + h, left : left + w]


def _turn(image: Tensor, degrees: float, zoom: float) -> Tensor:
    """Rotate counter-clockwise and zoom about the centre, bilinear."""
    height, width = image.shape[1:]
    cos, sin = math.cos(math.radians(degrees)) / zoom, math.sin(math.radians(degrees)) / zoom
    # The grid runs from -1 to 1 along both sides, so the aspect ratio enters off the diagonal.
    matrix = torch.tensor([[[cos, -sin * height / width, 0.0], [sin * width / height, cos, 0.0]]])
    grid = affine_grid(matrix, [1, 3, height, width], align_corners=False)
    turned = grid_sample(image[None].float(), grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return turned[0].round().clamp(0, 255).to(torch.uint8)


def _recolour(image: Tensor, brightness: float, contrast: float, saturation: float) -> Tensor:
    values = image.float() * brightness
    grey = _grey(values)
    values = (values - grey.mean()) * contrast + grey.mean()
    grey = _grey(values)
    return ((values - grey) * saturation + grey).round().clamp(0, 255).to(torch.uint8)


def _grey(values: Tensor) -> Tensor:
    return (values * torch.tensor(GREY)[:, None, None]).sum(dim=0)
