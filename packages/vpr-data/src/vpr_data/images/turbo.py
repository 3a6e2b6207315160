"""JPEG by libjpeg-turbo directly (simplejpeg), where that gives the very pixels that Pillow gives.

Pillow hands a decoded JPEG over through a buffer of its own, in rows and with a fourth byte a pixel; the same decoder
called directly writes into the array. Which of the two has decoded cannot be seen in the pixels, so nothing else needs
to know: that they agree is looked at once a process, and what one of them objects to is left to Pillow.
"""

from __future__ import annotations

import io
import logging
from functools import cache
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["decoded_by_turbo", "turbo"]

log = logging.getLogger(__name__)
SCALES = (1, 2, 4, 8)
"""Parts of their size that Pillow decodes JPEG files at (`PIL.Image.Image.draft`)."""
SMALLEST = 8
"""Pixels of the longer side, as it is decoded, from which on no two scales in eighths round up to the same size."""


def decoded_by_turbo(file: BinaryIO, image: Image.Image) -> npt.NDArray[np.uint8] | None:
    """Return the pixels ``(H, W, 3)`` of an opened JPEG at the size that Pillow would decode, or None: Pillow is to.

    Args:
        file: what ``image`` was opened from; where it is read next does not matter.
        image: opened, reduced by ``draft`` or not, not loaded.
    """
    if image.format != "JPEG" or image.mode != "RGB":  # grey, CMYK and several frames are rare
        return None
    if max(image.size) < SMALLEST:
        return None
    decode = turbo()
    if decode is None:
        return None
    file.seek(0)
    return _pixels(decode, file.read(), width=image.width, height=image.height)


@cache
def turbo() -> Callable[..., npt.NDArray[np.uint8]] | None:
    """Return simplejpeg's decoder, None where it is not installed or decodes otherwise than this Pillow."""
    try:
        from simplejpeg import decode_jpeg
    except ImportError:
        return None
    found: Callable[..., npt.NDArray[np.uint8]] = decode_jpeg
    if not _agree(found):
        log.warning(
            "simplejpeg decodes to other pixels than this Pillow, which was built with another libjpeg: Pillow decodes"
        )
        return None
    return found


def _pixels(
    decode: Callable[..., npt.NDArray[np.uint8]], content: bytes, *, width: int, height: int
) -> npt.NDArray[np.uint8] | None:
    try:
        # It takes the smallest scale that gives this much; that of a whole image is asked for by nothing.
        found = decode(content, "RGB", min_width=width, min_height=height)
    except Exception:  # noqa: BLE001  damaged in any way: Pillow says how, or reads it nevertheless
        return None
    return found if found.shape == (height, width, 3) else None


def _agree(decode: Callable[..., npt.NDArray[np.uint8]]) -> bool:
    """Whether both decode alike what JPEG files differ in: subsampling, order, scale; a few milliseconds."""
    numbers = np.random.default_rng(0)
    coarse = Image.fromarray(numbers.integers(0, 256, (5, 7, 3), dtype=np.uint8)).resize((83, 61))
    noise = numbers.integers(-20, 21, (61, 83, 3))
    picture = Image.fromarray(np.clip(np.asarray(coarse, dtype=np.int64) + noise, 0, 255).astype(np.uint8))
    for subsampling in (0, 1, 2):
        for progressive in (False, True):
            held = io.BytesIO()
            picture.save(held, "JPEG", quality=87, subsampling=subsampling, progressive=progressive)
            for scale in SCALES:
                with Image.open(io.BytesIO(held.getvalue())) as image:
                    image.draft(None, (-(-image.width // scale), -(-image.height // scale)))
                    width, height = image.size
                    by_pillow = np.array(image)
                found = _pixels(decode, held.getvalue(), width=width, height=height)
                if found is None or not np.array_equal(found, by_pillow):
                    return False
    return True
