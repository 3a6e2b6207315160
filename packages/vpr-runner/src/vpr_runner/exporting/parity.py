"""How far an exported network is from the network: on made-up images and real ones, at sizes that were not exported.

An exporter that builds the example's size in gives other numbers at other sizes, and says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from vpr_core import UsageError
from vpr_data import load_image, resize_image

if TYPE_CHECKING:
    from vpr_core.runtimes import InputContract

__all__ = ["BOUNDS", "Parity", "compare", "probes"]

Array = npt.NDArray[Any]
Call = Callable[[Array], Array]
Size = tuple[int, int]

BOUNDS: dict[str, tuple[float, float]] = {
    "float32": (1e-4, 0.99999),
    "float16": (2e-2, 0.999),
    "bfloat16": (5e-2, 0.995),
    "int8": (0.25, 0.95),
}
"""Of each precision: the largest difference of one number of a unit descriptor, and the smallest cosine to float32's
descriptor, beyond which nothing is written or used."""


@dataclass(frozen=True, kw_only=True)
class Parity:
    """What a comparison found.

    Attributes:
        worst: largest absolute difference of a number.
        cosine: smallest cosine of two descriptors of one image.
        median: of the cosines.
        images: compared descriptors.
        real: how many of them of real images.
        sizes: ``(H, W)`` of the images, each once.
    """

    worst: float
    cosine: float
    median: float
    images: int
    real: int
    sizes: tuple[Size, ...]

    def __str__(self) -> str:
        sizes = ", ".join(f"{height} x {width}" for height, width in self.sizes[:8])
        more = ", ..." if len(self.sizes) > 8 else ""
        return (
            f"worst difference {self.worst:.2g}, smallest cosine {self.cosine:.6f}, median {self.median:.6f}; "
            f"{self.images} images, {self.real} of them real, of {sizes}{more}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "worst_difference": self.worst,
            "smallest_cosine": self.cosine,
            "median_cosine": self.median,
            "images": self.images,
            "real": self.real,
            "sizes": [list(size) for size in self.sizes],
        }

    def check(self, precision: str, *, what: str) -> None:
        """Refuse what is farther than `BOUNDS` of its precision.

        Raises:
            UsageError: gives the numbers and the bound.
        """
        worst, cosine = BOUNDS[precision]
        if self.worst <= worst and self.cosine >= cosine:  # false for NaN
            return
        raise UsageError(
            f"{what} gives other descriptors than the network: {self}. In {precision} at most {worst:g} and a cosine "
            f"of at least {cosine:g} are taken, so it is not used"
        )


def compare(wanted: Call, found: Call, batches: Sequence[tuple[Array, bool]]) -> Parity:
    """Compare two functions from images to unit descriptors.

    Args:
        wanted: the network.
        found: what was exported.
        batches: images, and whether they are real.
    """
    worst, real = 0.0, 0
    cosines: list[float] = []
    sizes: dict[Size, None] = {}
    for images, are_real in batches:
        want = np.asarray(wanted(images), dtype=np.float64)
        got = np.asarray(found(images), dtype=np.float64)
        if got.shape != want.shape:
            raise UsageError(
                f"the exported network gives {got.shape} for images {images.shape}, the network {want.shape}: a "
                "size is built into it, so it is not used"
            )
        worst = float(np.maximum(worst, np.abs(got - want).max()))  # NaN stays
        length = np.linalg.norm(want, axis=1) * np.linalg.norm(got, axis=1)
        cosines += [float(one) for one in (want * got).sum(axis=1) / np.maximum(length, 1e-12)]
        real += len(images) if are_real else 0
        sizes[(int(images.shape[2]), int(images.shape[3]))] = None
    values = np.array(cosines)
    return Parity(
        worst=worst,
        cosine=float(values.min()),
        median=float(np.median(values)),
        images=len(cosines),
        real=real,
        sizes=tuple(sizes),
    )


def probes(
    inputs: InputContract,
    example: Size,
    photos: Sequence[Path] = (),
    *,
    longest: int | None = None,
    most_real: int = 8,
    seed: int = 0,
) -> list[tuple[Array, bool]]:
    """Return batches to compare with: random images, and photos, of sizes other than the exported one where any go.

    Args:
        inputs: what the network takes.
        example: size it was exported with.
        photos: real images; one that cannot be read is passed over.
        longest: photos are shrunk to this, so that a comparison takes seconds.
        most_real: photos that are used, evenly drawn.
        seed: of the random images.
    """
    generator = np.random.default_rng(seed)
    batches = []
    for count, size in zip((2, 1, 3, 1, 2), _sizes(inputs, example), strict=False):
        # A colour, a slope and noise: a network sees little in noise alone.
        colour = generator.uniform(0, 255, size=(count, 3, 1, 1))
        slope = generator.uniform(-90, 90, size=(count, 3, 1, 1)) * np.linspace(-1, 1, size[1])
        noise = generator.normal(0, 25, size=(count, 3, *size))
        batches.append((_typed(np.clip(colour + slope + noise, 0, 255).astype(np.uint8), inputs), False))
    step = max(1, len(photos) // most_real)
    batches += [(_typed(image[None], inputs), True) for image in _real(photos[::step][:most_real], inputs, longest)]
    return batches


def _sizes(inputs: InputContract, example: Size) -> list[Size]:
    if inputs.size is not None:
        return [inputs.size, inputs.size]
    multiple = inputs.multiple_of

    def near(height: float, width: float) -> Size:
        sides = (multiple * max(1, round(side / multiple)) for side in (height, width))
        found = tuple(max(side, least) for side, least in zip(sides, inputs.least, strict=True))
        return found[0], found[1]

    height, width = example
    wanted = [
        near(height + 2.6 * multiple + 11, width + 37),
        near(width * 0.8 + 5, height * 1.3),
        near(height * 0.55, width * 0.7),
        inputs.least,
        example,
    ]
    return list(dict.fromkeys(wanted))


def _real(photos: Sequence[Path], inputs: InputContract, longest: int | None) -> Iterator[Array]:
    for number, photo in enumerate(photos):
        try:
            image = torch.from_numpy(load_image(photo, longest=longest)).permute(2, 0, 1)
        except (OSError, ValueError):
            continue
        height, width = int(image.shape[1]), int(image.shape[2])
        if inputs.size is not None:
            size = inputs.size
        else:  # no two alike, and none as it is
            scale = 1 - 0.07 * (number % 4)
            step = inputs.multiple_of
            size = (
                max(inputs.least[0], step * max(1, int(height * scale) // step)),
                max(inputs.least[1], step * max(1, int(width * (1.05 - scale / 10)) // step)),
            )
        yield resize_image(image.contiguous(), size).contiguous().numpy()


def _typed(images: Array, inputs: InputContract) -> Array:
    images = np.ascontiguousarray(images)
    return images if inputs.dtype == "uint8" else images.astype(np.float32) / np.float32(255)
