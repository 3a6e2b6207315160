"""To which size an image is brought: one rule, then a cut to multiples, and the filter that is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from vpr_data.images.resize import resize_image, shrunk

__all__ = ["Interpolation", "Sizing"]

Interpolation = Literal["bilinear", "bicubic"]


@dataclass(frozen=True, kw_only=True)
class Sizing:
    """How an image of ``(H, W)`` becomes one of ``(h, w)``.

    One rule says the size: ``size``, ``cover``, ``short_side`` or ``max_side``; where none is given ``longest``, which
    only shrinks. Sides are rounded as torchvision does: with ``short_side = s`` the other side becomes
    ``floor(s * long / short)``, with ``max_side = m`` it becomes ``floor(m * short / long)``, at least 1.

    Attributes:
        size: ``(h, w)``; the shape is not kept.
        cover: ``(h, w)``; resized in its shape until neither side is shorter, and cut to that from the middle.
        short_side: the shorter side becomes this, larger or smaller, in the image's shape.
        max_side: the longer side becomes this, larger or smaller, in the image's shape.
        longest: an image whose longer side is longer is shrunk to this.
        multiple: afterwards both sides are cut, from the middle, to multiples of this (a vision transformer's patch); a
            side that is shorter is made one.
        interpolation: filter of the resizing, with antialiasing: ``bilinear``, or ``bicubic`` (a = -1/2, Keys 1981).

    Raises:
        ValueError: two rules, or a side of less than 1.
    """

    size: tuple[int, int] | None = None
    cover: tuple[int, int] | None = None
    short_side: int | None = None
    max_side: int | None = None
    longest: int | None = None
    multiple: int = 1
    interpolation: Interpolation = "bilinear"

    def __post_init__(self) -> None:
        given = [name for name in ("size", "cover", "short_side", "max_side") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"one rule says the size, got {' and '.join(given)}")
        for name in ("size", "cover"):
            pair = getattr(self, name)
            if pair is not None and min(pair) < 1:
                raise ValueError(f"{name} must be (height, width), both at least 1, or None, got {pair!r}")
        for name in ("short_side", "max_side", "longest", "multiple"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1{'' if name == 'multiple' else ' or None'}, got {value}")
        if self.interpolation not in ("bilinear", "bicubic"):
            raise ValueError(f"interpolation must be bilinear or bicubic, got {self.interpolation!r}")

    @property
    def by_longest(self) -> bool:
        """Whether ``longest`` is what counts."""
        return self.size is None and self.cover is None and self.short_side is None and self.max_side is None

    def later(self) -> dict[str, int | str]:
        """Return what says something beyond ``size`` and ``longest``: nothing where these say all."""
        rest = {"short_side": self.short_side, "max_side": self.max_side}
        found: dict[str, int | str] = {name: value for name, value in rest.items() if value is not None}
        if self.multiple != 1:
            found["multiple"] = self.multiple
        if self.interpolation != "bilinear":
            found["interpolation"] = self.interpolation
        return found

    @property
    def fixed(self) -> tuple[int, int] | None:
        """The size that every image has afterwards, or None: it depends on the image."""
        size = self.size or self.cover
        return None if size is None else self.shape(*size)

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """Return the size before the cut."""
        short, long = min(height, width), max(height, width)
        if self.size is not None:
            size = self.size
        elif self.cover is not None:
            scale = max(self.cover[0] / height, self.cover[1] / width)
            size = max(self.cover[0], round(height * scale)), max(self.cover[1], round(width * scale))
        elif self.short_side is not None:
            size = _sides(height, width, self.short_side, max(1, self.short_side * long // short))
        elif self.max_side is not None:
            size = _sides(height, width, max(1, self.max_side * short // long), self.max_side)
        elif self.longest is not None:
            size = shrunk(height, width, self.longest)
        else:
            size = height, width
        return max(size[0], self.multiple), max(size[1], self.multiple)

    def shape(self, height: int, width: int) -> tuple[int, int]:
        """Return the size of an image of ``height x width`` afterwards."""
        h, w = self.cover or self.resized(height, width)
        return h - h % self.multiple, w - w % self.multiple

    def __call__(self, image: Tensor) -> Tensor:
        """Return uint8 ``(3, H, W)`` as ``(3, h, w)``."""
        height, width = image.shape[1:]
        image = resize_image(image, self.resized(height, width), interpolation=self.interpolation)
        h, w = self.shape(height, width)
        top, left = (image.shape[1] - h) // 2, (image.shape[2] - w) // 2
        return image[:, top : top + h, left : left + w]


def _sides(height: int, width: int, short: int, long: int) -> tuple[int, int]:
    return (short, long) if height <= width else (long, short)
