"""Pictures for people: heat over an image, cluster maps, queries with framed answers; whole PNG files."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from vpr_runner.files import atomic

__all__ = ["blank", "heat_over", "labelled", "photograph", "save_png", "shown_at", "side_by_side", "stacked"]

GREEN, RED, GREY = (0, 150, 60), (205, 30, 40), (90, 90, 90)
_FRAME, _LABEL, _GAP = 4, 18, 8
_STRENGTH = 0.6


def photograph(image: Tensor) -> Image.Image:
    """A picture of an image ``(3, H, W)`` in 0..1."""
    pixels = (image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(pixels)


def shown_at(picture: Image.Image, *, low: int = 160, high: int = 480) -> Image.Image:
    """A picture between ``low`` and ``high`` pixels high, for people to look at."""
    height = min(max(picture.height, low), high)
    if height == picture.height:
        return picture
    return picture.resize((max(1, round(picture.width * height / picture.height)), height), Image.Resampling.LANCZOS)


def blank() -> Image.Image:
    """What stands for an image that cannot be read."""
    return Image.new("RGB", (213, 160), "lightgrey")


def heat_over(image: Image.Image, heat: Tensor, *, signed: bool = False) -> Image.Image:
    """Lay a map ``(R, C)`` over a photograph, smoothly enlarged; its largest value is the hottest colour.

    With ``signed``, zero is white, what is above it red and what is below it blue.
    """
    from matplotlib import colormaps

    values = heat.double().cpu().numpy()
    top = float(np.abs(values).max()) or 1.0
    if signed:
        scaled = 0.5 + values / (2 * top)
    else:
        low = float(values.min())
        scaled = (values - low) / ((float(values.max()) - low) or 1.0)
    grey = Image.fromarray(scaled.astype(np.float32)).resize(image.size, Image.Resampling.BICUBIC)
    colours = colormaps["seismic" if signed else "inferno"](np.clip(np.asarray(grey), 0, 1))[..., :3]
    ground = np.asarray(image.convert("L"), dtype=np.float64)[..., None] / 255
    mixed: npt.NDArray[np.float64] = _STRENGTH * colours + (1 - _STRENGTH) * ground
    return Image.fromarray((mixed * 255).round().astype(np.uint8))


def labelled(
    image: Image.Image, text: str, *, colour: tuple[int, int, int] = GREY, framed: bool = False
) -> Image.Image:
    """A picture with a line of text below it, and a frame of the same colour if asked for."""
    width, height = image.size
    font = ImageFont.load_default(size=11)
    sheet_width = max(width, math.ceil(font.getlength(text))) + 2 * _FRAME
    sheet = Image.new("RGB", (sheet_width, height + 2 * _FRAME + _LABEL), "white")
    draw = ImageDraw.Draw(sheet)
    if framed:
        draw.rectangle((0, 0, width + 2 * _FRAME - 1, height + 2 * _FRAME - 1), fill=colour)
    sheet.paste(image.convert("RGB"), (_FRAME, _FRAME))
    draw.text((_FRAME, height + 2 * _FRAME + 2), text, fill=colour, font=font)
    return sheet


def side_by_side(pictures: Sequence[Image.Image]) -> Image.Image:
    """Pictures in a row, aligned at the top."""
    width = sum(picture.width for picture in pictures) + _GAP * (len(pictures) + 1)
    sheet = Image.new("RGB", (width, max(picture.height for picture in pictures) + 2 * _GAP), "white")
    left = _GAP
    for picture in pictures:
        sheet.paste(picture, (left, _GAP))
        left += picture.width + _GAP
    return sheet


def stacked(pictures: Sequence[Image.Image]) -> Image.Image:
    """Pictures one below the other, aligned at the left."""
    sheet = Image.new(
        "RGB", (max(picture.width for picture in pictures), sum(picture.height for picture in pictures)), "white"
    )
    top = 0
    for picture in pictures:
        sheet.paste(picture, (0, top))
        top += picture.height
    return sheet


def save_png(picture: Image.Image, path: Path) -> None:
    """Write a picture as PNG, whole or not at all."""
    file = io.BytesIO()
    picture.save(file, format="PNG", optimize=True)
    atomic.write_bytes(path, file.getvalue())
