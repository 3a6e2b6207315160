"""Which files are images: those that are read, by suffix and by content, and those that are passed over by name."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import PurePath
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError, features

__all__ = ["FORMATS", "HEIF_SUFFIXES", "SUFFIXES", "open_image", "passed_over", "readable_suffixes", "what_it_is"]

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "TIFF", "GIF", "PPM", "AVIF")
"""Formats that are tried. Pillow knows more; its parsers for rare formats are where its security holes are found.
HEIF is read beside them where pillow-heif is installed (``vpr-data[heif]``)."""

SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi", ".jps", ".mpo"),
    *(".png", ".apng", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".avif", ".avifs"),
)
"""File names that are taken for images when a folder is listed; upper and lower case alike."""
HEIF_SUFFIXES = (".heic", ".heif", ".hif", ".heics", ".heifs")
AVIF_SUFFIXES = (".avif", ".avifs")

RAW = ".dng .cr2 .cr3 .crw .nef .nrw .arw .srf .sr2 .raf .orf .rw2 .rwl .pef .srw .x3f .3fr .iiq .erf .gpr"
VIDEOS = ".mov .mp4 .m4v .avi .mkv .3gp .3g2 .mts .m2ts .webm .mpg .mpeg .wmv .insv .lrv .360"
UNREAD = ".jp2 .j2k .jpx .jxl .svg .psd .tga .exr .hdr .ico .eps .xcf .insp .qoi .dds"
ADVICE = {
    "HEIC": "pip install 'vpr-data[heif]' reads them",
    "AVIF": "this Pillow was built without AVIF, its wheels have it",
    "raw": "raw camera files: export them as JPEG",
    "video": "vpr extract FILE --every 1s takes frames",
    "other": "convert them to JPEG or PNG",
}
_KINDS = {
    **dict.fromkeys(HEIF_SUFFIXES, "HEIC"),
    **dict.fromkeys(AVIF_SUFFIXES, "AVIF"),
    **dict.fromkeys(RAW.split(), "raw"),
    **dict.fromkeys(VIDEOS.split(), "video"),
    **dict.fromkeys(UNREAD.split(), "other"),
}
_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1")


def heif_is_read() -> bool:
    """Whether pillow-heif is installed."""
    return find_spec("pillow_heif") is not None


def readable_suffixes() -> tuple[str, ...]:
    """Return the suffixes of files that this installation reads."""
    without = () if features.check("avif") else AVIF_SUFFIXES
    return (*(suffix for suffix in SUFFIXES if suffix not in without), *(HEIF_SUFFIXES if heif_is_read() else ()))


def passed_over(names: Iterable[str]) -> str:
    """Return a sentence that counts pictures and videos among ``names`` by kind; '' where there is none.

    >>> passed_over(["a.MOV", "b.mov", "c.dng", "notes.txt"])
    'passed over: 1 .dng (raw camera files: export them as JPEG), 2 .mov (vpr extract FILE --every 1s takes frames)'
    """
    counts = Counter(suffix for name in names if (suffix := PurePath(name).suffix.lower()) in _KINDS)
    parts = [
        f"{', '.join(f'{counts[suffix]} {suffix}' for suffix in sorted(counts) if _KINDS[suffix] == kind)} ({advice})"
        for kind, advice in ADVICE.items()
        if any(_KINDS[suffix] == kind for suffix in counts)
    ]
    return f"passed over: {', '.join(parts)}" if parts else ""


def open_image(file: BinaryIO) -> Image.Image:
    """Open an image of one of `FORMATS` (or HEIF) and read its header; nothing is decoded, and no size refused.

    `PIL.Image.open` would warn of, and then refuse, large images by a number of its own that only a global changes;
    here the limit is on what is decoded (`vpr_data.load_image`).

    Raises:
        UnidentifiedImageError: none of them.
    """
    Image.preinit()
    start = file.read(32)
    for name in FORMATS:
        if name not in Image.OPEN:
            Image.init()
        factory, accept = Image.OPEN.get(name, (None, None))
        if factory is None:
            continue
        try:
            if accept is not None and accept(start[:16]) is not True:
                continue
            file.seek(0)
            return factory(file, "")
        except (SyntaxError, IndexError, TypeError, struct.error):
            continue
        except (RuntimeError, ValueError):
            if name != "AVIF" or start[8:12] not in _BRANDS:  # two formats share two brands
                raise
    file.seek(0)
    if start[4:8] == b"ftyp" and start[8:12] in _BRANDS and heif_is_read():
        from pillow_heif.as_plugin import (
            HeifImageFile,
        )  # not registered: no other user of Pillow in this process changes

        heif: Callable[[BinaryIO, str], Image.Image] = HeifImageFile
        return heif(file, "")
    raise UnidentifiedImageError("no known image format")


def what_it_is(file: BinaryIO) -> str:
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
    if start[4:8] == b"ftyp":
        brand = start[8:12]
        if brand in _BRANDS or brand[:3] == b"avi":
            kind = "AVIF" if brand[:3] == b"avi" else "HEIC"
            if features.check("avif") if kind == "AVIF" else heif_is_read():
                return f"is damaged or truncated ({kind}); replace it, or leave it out"
            return f"is {kind}, which this installation does not read ({ADVICE[kind]}); convert it, or leave it out"
        return f"is a video ({ADVICE['video']}), not an image"
    return "is none of JPEG, PNG, WEBP, BMP, TIFF, GIF, PPM; convert it, or leave it out"
