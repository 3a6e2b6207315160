"""Image files to uint8 tensors of one size: this toolkit's way, other libraries' ways, and changed pictures."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image, ImageFilter, ImageOps
from torch import Tensor

from vpr_data import load_image, resize_image

if TYPE_CHECKING:
    import numpy.typing as npt

    Picture = npt.NDArray[np.uint8]

__all__ = ["CHANGES", "READERS", "Reader", "changed", "plain"]

Reader = Callable[[Path, tuple[int, int]], Tensor]
"""``(file, (height, width)) -> uint8 (3, height, width)``."""


def plain(path: Path, size: tuple[int, int]) -> Tensor:
    """Read as `vpr_data.image_batches` does: Pillow, a JPEG perhaps at half its size, bilinear with antialiasing."""
    return resize_image(_tensor(load_image(path, at_least=size)), size).contiguous()


def _tensor(picture: Picture) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)


def _pillow(resampling: Image.Resampling) -> Reader:
    def read(path: Path, size: tuple[int, int]) -> Tensor:
        with Image.open(path) as image:
            return _tensor(np.array(image.convert("RGB").resize(size[::-1], resampling)))

    return read


def _torchvision(*, antialias: bool) -> Reader:
    def read(path: Path, size: tuple[int, int]) -> Tensor:
        from torchvision.io import ImageReadMode, decode_image
        from torchvision.transforms.v2.functional import resize

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torchvision hands its decoders on to torchcodec
            image = decode_image(str(path), mode=ImageReadMode.RGB)
        return resize(image, list(size), antialias=antialias)  # type: ignore[no-any-return]

    return read


def _opencv(name: str) -> Reader:
    def read(path: Path, size: tuple[int, int]) -> Tensor:
        import cv2

        image: Any = cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        return _tensor(cv2.resize(image, size[::-1], interpolation=getattr(cv2, name)))

    return read


READERS: Mapping[str, Reader] = {
    "Pillow, bilinear, whole decode": _pillow(Image.Resampling.BILINEAR),
    "Pillow, bicubic": _pillow(Image.Resampling.BICUBIC),
    "Pillow, nearest": _pillow(Image.Resampling.NEAREST),
    "torchvision, antialias": _torchvision(antialias=True),
    "torchvision, no antialias": _torchvision(antialias=False),
    "OpenCV, linear": _opencv("INTER_LINEAR"),
    "OpenCV, area": _opencv("INTER_AREA"),
}


def changed(change: Callable[[Picture], Picture]) -> Reader:
    """Return the plain reader with ``change`` between the whole decoded picture and the resizing."""

    def read(path: Path, size: tuple[int, int]) -> Tensor:
        return resize_image(_tensor(change(load_image(path))), size).contiguous()

    return read


def _jpeg(quality: int) -> Callable[[Picture], Picture]:
    def change(picture: Picture) -> Picture:
        content = io.BytesIO()
        Image.fromarray(picture).save(content, format="JPEG", quality=quality)
        return np.array(Image.open(content))

    return change


def _resolution(share: float) -> Callable[[Picture], Picture]:
    def change(picture: Picture) -> Picture:
        height, width = picture.shape[:2]
        small = (max(1, round(width * share)), max(1, round(height * share)))
        image = Image.fromarray(picture).resize(small, Image.Resampling.BILINEAR)
        return np.array(image.resize((width, height), Image.Resampling.BILINEAR))

    return change


def _exposure(stops: float) -> Callable[[Picture], Picture]:
    """Light times ``2 ** stops`` before a gamma of 2.2, clipped as a sensor clips."""
    table = np.clip(np.rint(255 * (np.arange(256) / 255) * 2 ** (stops / 2.2)), 0, 255).astype(np.uint8)
    return lambda picture: table[picture]


def _middle(share: float) -> Callable[[Picture], Picture]:
    def change(picture: Picture) -> Picture:
        height, width = picture.shape[:2]
        rows, columns = round(height * (1 - share) / 2), round(width * (1 - share) / 2)
        return picture[rows : height - rows, columns : width - columns]

    return change


def _blurred(share: float) -> Callable[[Picture], Picture]:
    def change(picture: Picture) -> Picture:
        radius = share * picture.shape[1]
        return np.array(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(radius)))

    return change


def _grey(picture: Picture) -> Picture:
    return np.array(ImageOps.grayscale(Image.fromarray(picture)).convert("RGB"))


CHANGES: Mapping[str, Callable[[Picture], Picture]] = {
    **{f"JPEG quality {quality}": _jpeg(quality) for quality in (90, 75, 50, 30, 20, 10)},
    "half resolution": _resolution(0.5),
    "quarter resolution": _resolution(0.25),
    "mirrored": lambda picture: picture[:, ::-1],
    "turned by 90 degrees": lambda picture: np.rot90(picture),
    "turned by 180 degrees": lambda picture: np.rot90(picture, 2),
    "one stop darker": _exposure(-1),
    "two stops darker": _exposure(-2),
    "one stop brighter": _exposure(1),
    "middle 90 % of each side": _middle(0.9),
    "middle 80 % of each side": _middle(0.8),
    "middle 50 % of each side": _middle(0.5),
    "blurred, 0.5 % of the width": _blurred(0.005),
    "blurred, 1 % of the width": _blurred(0.01),
    "blurred, 2 % of the width": _blurred(0.02),
    "grey": _grey,
}
