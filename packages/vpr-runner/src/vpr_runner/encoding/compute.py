"""Where and how the network is run: device, precision, threads, batch sizes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from vpr_core import UsageError
from vpr_data import Sizing

if TYPE_CHECKING:
    from vpr_core.config.sections import ComputeConfig, ImageConfig
    from vpr_data.images.sizing import Interpolation

__all__ = ["Compute"]

PIXELS_OF_CPU, PIXELS_OF_ACCELERATOR = 4 * 480 * 640, 32 * 480 * 640
"""Of a forward pass, unless ``compute.batch_pixels`` says otherwise. Small images still come in batches of 32: there a
call costs more than what it computes."""
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, kw_only=True)
class Compute:
    """Settings of one process.

    Attributes:
        device: where the network lies.
        precision: arithmetic of the forward pass; weights stay float32.
        size: ``(height, width)`` that images are brought to, or None: their own.
        longest: where no rule is given: an image whose longer side is longer is shrunk to this; None: never.
        short_side, max_side, multiple, interpolation: see `vpr_data.Sizing`.
        batch: images a forward pass when nothing is learnt, at most.
        batch_pixels: pixels a forward pass, at most; None: no limit.
        max_pixels: pixels of one image that are decoded, at most; None: the decoder's own limit.
        workers: decoding threads.
        on_bad_image: stop at an unreadable image, or go on without it and count it.
    """

    device: torch.device
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    size: tuple[int, int] | None = None
    longest: int | None = None
    short_side: int | None = None
    max_side: int | None = None
    multiple: int = 1
    interpolation: Interpolation = "bilinear"
    batch: int = 32
    batch_pixels: int | None = None
    max_pixels: int | None = None
    workers: int = 2
    on_bad_image: Literal["error", "skip"] = "error"

    @classmethod
    def of(cls, wanted: ComputeConfig, image: ImageConfig) -> Compute:
        """Read two blocks of a run file; fixes the number of torch threads, which the run file may give."""
        # Also when nothing is asked for: this tells MKL not to choose their number from call to call.
        torch.set_num_threads(wanted.threads or torch.get_num_threads())
        size = image.size
        device = _device(wanted.device)
        usual = PIXELS_OF_CPU if device.type == "cpu" else PIXELS_OF_ACCELERATOR
        return cls(
            device=device,
            precision=wanted.precision,
            size=None if size is None else (size[0], size[1]),
            longest=image.longest,
            short_side=image.short_side,
            max_side=image.max_side,
            multiple=image.multiple,
            interpolation=image.interpolation,
            batch=wanted.batch,
            batch_pixels=usual if wanted.batch_pixels is None else wanted.batch_pixels,
            max_pixels=wanted.max_pixels,
            workers=wanted.workers,
            on_bad_image=wanted.on_bad_image,
        )

    @property
    def sizing(self) -> Sizing:
        """How images are brought to a size."""
        return Sizing(
            size=self.size,
            short_side=self.short_side,
            max_side=self.max_side,
            longest=self.longest,
            multiple=self.multiple,
            interpolation=self.interpolation,
        )

    def autocast(self) -> AbstractContextManager[object]:
        """Return the context in which forward passes run."""
        return torch.autocast(self.device.type, dtype=_DTYPES[self.precision], enabled=self.precision != "float32")


def _device(name: str) -> torch.device:
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        first = str(error).splitlines()[0]
        raise UsageError(
            f"compute.device: {name!r} cannot be used ({first}); write auto, cpu, cuda or cuda:0"
        ) from error
    return device
