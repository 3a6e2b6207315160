"""One photo as `vpr extract` prepares and describes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from vpr_data import load_image
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.execution import Execution, compare_once
from vpr_runner.encoding.refused import refused_by_layers
from vpr_runner.encoding.source import laid_out

if TYPE_CHECKING:
    from vpr_runner.network.retriever import Retriever

__all__ = ["prepared", "row_of"]


def prepared(
    photo: Path | str | npt.NDArray[np.uint8], compute: Compute, *, max_pixels: int | None = None
) -> torch.Tensor:
    """Return uint8 ``(3, H, W)`` at the size that ``compute`` wants.

    Args:
        photo: file, or uint8 ``(H, W, 3)`` RGB.
        compute: its ``sizing``.
        max_pixels: most pixels of a file that are decoded; None: as ``compute`` says.

    Raises:
        ImageDecodeError: the file cannot be read.
        ValueError: the array is no image.
    """
    sizing = compute.sizing
    if isinstance(photo, Path | str):
        pixels = load_image(photo, needed=sizing.resized, max_pixels=max_pixels or compute.max_pixels)
    else:
        pixels = np.array(photo, order="C")  # a copy: torch wants to be able to write
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
            raise ValueError(f"an image is uint8 (H, W, 3), got {pixels.dtype} {pixels.shape}")
    return sizing(torch.from_numpy(pixels).permute(2, 0, 1)).contiguous()


def row_of(retriever: Retriever, image: torch.Tensor, compute: Compute) -> npt.NDArray[np.float32]:
    """Return the descriptor ``(1, D)`` of an image that was `prepared`, by whatever executes ``retriever``.

    A runtime that is new on this machine is compared on this image first.

    Raises:
        SizeRefusedError: the network takes no images of this size.
        UsageError: the runtime gives other descriptors than torch.
    """
    with torch.inference_mode(), compute.autocast(), refused_by_layers(int(image.shape[1]), int(image.shape[2])):
        execution = retriever.execution
        if isinstance(execution, Execution):
            execution.check(image[None])
            compare_once(execution, retriever, [image[None].numpy()], device=compute.device)
        row: npt.NDArray[np.float32] = retriever(laid_out(image[None], compute.device)).float().cpu().numpy()
    return row
