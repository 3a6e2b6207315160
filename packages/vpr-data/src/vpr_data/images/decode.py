"""One way to read an image file, everywhere: RGB uint8, upright, or an error that names the file."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from vpr_data.images.formats import open_image, what_it_is
from vpr_data.images.levels import eight_bits
from vpr_data.images.resize import shrunk
from vpr_data.images.turbo import decoded_by_turbo

__all__ = ["MAX_PIXELS", "ImageDecodeError", "load_image"]

MAX_PIXELS = 89_478_485
"""Most pixels that are decoded, unless told otherwise: 256 MiB as RGB, where Pillow too begins to speak of a bomb."""

ORIENTATION = 0x0112
SIDEWAYS = (5, 6, 7, 8)
"""EXIF orientations whose width and height are swapped when the image is put upright."""


class ImageDecodeError(ValueError):
    """A file is not an image that can be used.

    Attributes:
        path: the file.
        reason: what is wrong and what to do about it.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class _UnusableError(Exception):
    """An undamaged image whose levels have no agreed meaning in 8 bits."""


class _TooLargeError(Exception):
    """More pixels would have to be decoded than may be."""


def load_image(
    path: Path | str,
    *,
    at_least: tuple[int, int] | None = None,
    longest: int | None = None,
    needed: Callable[[int, int], tuple[int, int]] | None = None,
    max_pixels: int | None = None,
) -> npt.NDArray[np.uint8]:
    """Read an image as uint8 ``(H, W, 3)`` RGB.

    EXIF orientation is applied, grey levels of more than 8 bits keep their contrast (`vpr_data.images.levels`),
    palettes, CMYK and grey become RGB, an alpha channel is dropped, and of an animation the first frame is taken.

    Args:
        path: file in one of `vpr_data.images.formats.FORMATS`, or HEIF where pillow-heif is installed.
        at_least: ``(h, w)`` in pixels: a JPEG may then be decoded at 1/2, 1/4 or 1/8 of its size, by leaving out high
            frequencies, as long as it stays at least this large. That is faster, and for an image that is resized to
            ``at_least`` anyway differs by a grey level or two.
        longest: the same where the shape is not known: its longer side stays at least this long.
        needed: the same where it depends on the image: from its height and width, upright, to the least ``(h, w)``.
        max_pixels: most pixels that are decoded; None: `MAX_PIXELS`. A JPEG that is decoded at 1/8 counts as that, so a
            photo of 108 megapixels is read where a small image is wanted.

    Raises:
        ImageDecodeError: the file is missing, unreadable, truncated, not an image, or has too many pixels, which is
            found from its header before anything is decoded.
    """
    path = Path(path)
    try:
        if is_pipe(path):
            raise ImageDecodeError(path, "is a pipe, not an image file")
        with path.open("rb") as file:
            return _decode(path, file, at_least, longest, needed, MAX_PIXELS if max_pixels is None else max_pixels)
    except ImageDecodeError:
        raise
    except FileNotFoundError as error:
        raise ImageDecodeError(path, "does not exist; check the root folder and the list of names") from error
    except IsADirectoryError as error:
        raise ImageDecodeError(path, "is a folder, not an image file") from error
    except PermissionError as error:
        raise ImageDecodeError(path, "may not be read (permission denied)") from error
    except OSError as error:
        raise ImageDecodeError(path, f"cannot be read: {error.strerror or error}") from error


def is_pipe(path: Path) -> bool:
    """Whether opening the file would wait for a writer that may never come."""
    return stat.S_ISFIFO(path.stat().st_mode)


def _decode(
    path: Path,
    file: BinaryIO,
    at_least: tuple[int, int] | None,
    longest: int | None,
    needed: Callable[[int, int], tuple[int, int]] | None,
    max_pixels: int,
) -> npt.NDArray[np.uint8]:
    try:
        image = open_image(file)
        orientation = _orientation(image)
        pixels = image.width * image.height
        wanted = None if at_least is None else at_least if orientation in SIDEWAYS else at_least[::-1]
        if longest is not None:
            width, height = image.size
            wanted = shrunk(height, width, longest)[::-1]
        if needed is not None:
            width, height = image.size
            wanted = needed(width, height) if orientation in SIDEWAYS else needed(height, width)[::-1]
        if wanted is not None and image.format in ("JPEG", "MPO"):
            image.draft(None, wanted)
            # A progressive JPEG is held whole in memory while it is decoded, at any scale.
            pixels = pixels if image.info.get("progressive") else image.width * image.height
        if pixels > max_pixels:
            raise _TooLargeError(pixels)
        decoded = decoded_by_turbo(file, image)
        if decoded is not None:
            return upright(decoded, orientation)
        image.load()
        if orientation != 1:
            image = ImageOps.exif_transpose(image)
        return _to_rgb(image)
    except _TooLargeError as error:
        raise ImageDecodeError(
            path,
            f"has more than {max_pixels:,} pixels and is not decoded ({error.args[0]:,} would have to be); shrink it, "
            "leave it out, or raise the limit (max_pixels)",
        ) from error
    except _UnusableError as error:
        raise ImageDecodeError(path, str(error)) from error
    except UnidentifiedImageError as error:
        raise ImageDecodeError(path, what_it_is(file)) from error
    except MemoryError:
        raise
    except Exception as error:  # Pillow's parsers raise almost anything on damaged input
        said = str(error) or type(error).__name__
        raise ImageDecodeError(path, f"is damaged or truncated ({said}); replace it, or leave it out") from error


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 where there is none; a damaged EXIF block says nothing about the picture."""
    try:
        value: Any = image.getexif().get(ORIENTATION, 1)
    except Exception:  # noqa: BLE001  as above
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def upright(pixels: npt.NDArray[np.uint8], orientation: int) -> npt.NDArray[np.uint8]:
    """Return ``pixels (H, W, 3)`` as EXIF's ``orientation`` (1 .. 8) says that they were meant.

    5 to 8 lie on their side; of the rest 2 is a mirror image, 3 upside down, 4 both.
    """
    if orientation in SIDEWAYS:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _to_rgb(image: Image.Image) -> npt.NDArray[np.uint8]:
    if image.mode == "RGB":
        return np.array(image)
    if image.mode.startswith("I") or image.mode == "F":
        try:
            grey = eight_bits(np.array(image))
        except ValueError as error:
            raise _UnusableError(str(error)) from error
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.mode in ("P", "PA"):
        # A palette with transparent entries is only understood on the way over RGBA.
        image = image.convert("RGBA")
    return np.array(image.convert("RGB"))
