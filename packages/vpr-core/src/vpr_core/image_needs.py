"""Which images a backbone takes and which its authors recommend: asked before a run, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["ImageNeeds"]

_RULES = ("size", "short_side", "max_side", "longest")
"""Fields of the block ``image`` that say a size; the last one only where no other does."""


@dataclass(frozen=True, kw_only=True)
class ImageNeeds:
    """What a backbone asks of the size of its images.

    Attributes:
        multiple: sides must be multiples of this: a vision transformer's patch.
        patch: side of a patch where it is not ``multiple``, since the network rounds sides by itself.
        patches: least number of patches in an image.
        square: height and width must be equal.
        only: the one size ``(height, width)`` it takes; None: any that keeps the rest.
        recommended: the block ``image`` of a run file with which the published numbers were had; empty: nobody says.

    Example:
        >>> ImageNeeds(multiple=14, patches=65).fault(112, 112)
        'got [112, 112], which is 64 patches of 14 x 14 pixels, and at least 65 are needed; such as [126, 126]'
        >>> ImageNeeds(multiple=14, patches=65).fault(322, 322)
        ''
    """

    multiple: int = 1
    patch: int | None = None
    patches: int = 1
    square: bool = False
    only: tuple[int, int] | None = None
    recommended: Mapping[str, Any] = field(default_factory=dict)

    def fault(self, height: int, width: int) -> str:
        """Say why images of ``height x width`` pixels are not taken, and which would be; empty when they are."""
        got = f"got [{height}, {width}]"
        if self.only is not None and (height, width) != self.only:
            return f"{got}, and this backbone takes [{self.only[0]}, {self.only[1]}] only"
        if self.square and height != width:
            side = self._nearest(max(height, width))
            return f"{got}, and this backbone takes square images only; such as [{side}, {side}]"
        if height % self.multiple or width % self.multiple:
            near = [self._nearest(side) for side in (height, width)]
            return f"{got}, and this backbone takes multiples of {self.multiple}; such as {near}"
        patch = self.patch or self.multiple
        count = round(height / patch) * round(width / patch)
        if count < self.patches:
            side = patch * next(n for n in range(1, self.patches + 1) if n * n >= self.patches)
            return (
                f"{got}, which is {count} patches of {patch} x {patch} pixels, and at least {self.patches} are needed; "
                f"such as [{side}, {side}]"
            )
        return ""

    @property
    def said(self) -> str:
        """Which images are taken, in a few words; empty when all are."""
        if self.only is not None:
            return f"{self.only[0]} x {self.only[1]} pixels only"
        said = ["square"] if self.square else []
        if self.multiple > 1:
            said.append(f"sides in multiples of {self.multiple}")
        if self.patches > 1:
            side = self.patch or self.multiple
            said.append(f"at least {self.patches} patches of {side} x {side} pixels")
        return ", ".join(said)

    def departure(self, image: Mapping[str, Any]) -> str:
        """Say where the block ``image`` departs from what is recommended; empty when it does not.

        A field that the block does not have is passed over.
        """
        wanted = {name: value for name, value in self.recommended.items() if name in image}
        if any(name in wanted for name in _RULES):  # another rule takes the place of the recommended one
            wanted |= {name: None for name in _RULES[:-1] if name in image and name not in wanted}
        other = {name: value for name, value in wanted.items() if _plain(image[name]) != _plain(value)}
        if not other:
            return ""
        said = ", ".join(f"{name}: {_written(image[name])}" for name in other)
        better = ", ".join(f"{name}: {_written(value)}" for name, value in self.recommended.items())
        return f"image: {{{said}}} departs from what the backbone's authors recommend, image: {{{better}}}"

    def _nearest(self, side: int) -> int:
        return max(1, round(side / self.multiple)) * self.multiple


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _written(value: Any) -> str:
    return "null" if value is None else str(_plain(value))
