"""One way to read an image file, everywhere: RGB uint8, upright, or an error that names the file."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

__all__ = ["FORMATS", "MAX_PIXELS", "ImageDecodeError", "load_image"]

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM")
"""Formats that are tried. Pillow knows more; its parsers for rare formats are where its security holes are found."""

MAX_PIXELS = 89_478_485
"""Largest image that is decoded, in pixels: 256 MiB as RGB, the size above which Pillow too speaks of a bomb."""

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


def load_image(path: Path | str, *, at_least: tuple[int, int] | None = None) -> npt.NDArray[np.uint8]:
    """Read an image as uint8 ``(H, W, 3)`` RGB.

    EXIF orientation is applied, 16-bit grey becomes 8-bit by ``round(v / 257)``, palettes, CMYK and grey become RGB, an
    alpha channel is dropped, and of an animation the first frame is taken.

    Args:
        path: file in one of `FORMATS`.
        at_least: ``(h, w)`` in pixels: a JPEG may then be decoded at 1/2, 1/4 or 1/8 of its size, by leaving out high
            frequencies, as long as it stays at least this large. That is faster, and for an image that is resized to
            ``at_least`` anyway differs by a grey level or two.

    Raises:
        ImageDecodeError: the file is missing, unreadable, truncated, not an image, or larger than `MAX_PIXELS`, which
            is found from its header before anything is decoded.
    """
    path = Path(path)
    try:
        if is_pipe(path):
            raise ImageDecodeError(path, "is a pipe, not an image file")
        with path.open("rb") as file:
            return _decode(path, file, at_least)
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


def _decode(path: Path, file: BinaryIO, at_least: tuple[int, int] | None) -> npt.NDArray[np.uint8]:
    try:
        image: Image.Image = Image.open(file, formats=FORMATS)
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise Image.DecompressionBombError
        orientation = _orientation(image)
        if at_least is not None:
            h, w = at_least
            image.draft(None, (h, w) if orientation in SIDEWAYS else (w, h))
        image.load()
        if orientation != 1:
            image = ImageOps.exif_transpose(image)
        return _to_rgb(image)
    except _UnusableError as error:
        raise ImageDecodeError(path, str(error)) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageDecodeError(
            path, f"has more than {MAX_PIXELS:,} pixels and is not decoded; shrink it first, or leave it out"
        ) from error
    except UnidentifiedImageError as error:
        raise ImageDecodeError(path, _what_it_is(file)) from error
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


def _to_rgb(image: Image.Image) -> npt.NDArray[np.uint8]:
    if image.mode == "RGB":
        return np.array(image)
    if image.mode.startswith("I"):
        grey = np.array(image).astype(np.int64)
        if grey.min(initial=0) < 0 or grey.max(initial=0) > 65535:
            raise _UnusableError("has 32-bit grey levels; convert it to 8 or 16 bits")
        return np.repeat(((grey + 128) // 257).astype(np.uint8)[:, :, None], 3, axis=2)
    if image.mode == "F":
        raise _UnusableError("has floating-point grey levels; convert it to 8 or 16 bits")
    if image.mode in ("P", "PA"):
        # A palette with transparent entries is only understood on the way over RGBA.
        image = image.convert("RGBA")
    return np.array(image.convert("RGB"))


def _what_it_is(file: BinaryIO) -> str:
    """Say what a file that no decoder knows is, from its first bytes."""
    file.seek(0)
    start = file.read(512)
    text = start.lstrip().lower()
    if not start:
        return "is empty (0 bytes); fetch it again"
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml", b"<")):
        return "is a web page or XML, not an image; fetch it again (a download that failed often leaves one)"
    if text.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer, not the image; run 'git lfs pull' where it comes from"
    return f"is none of {', '.join(FORMATS)}; convert it, or leave it out"
