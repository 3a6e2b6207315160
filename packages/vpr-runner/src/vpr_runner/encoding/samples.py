"""What a runtime is compared and calibrated on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.source import ImageSource

if TYPE_CHECKING:
    from vpr_core.runtimes import InputContract
    from vpr_core.types import ImageSet

__all__ = ["Samples"]


class Samples:
    """Some of the user's images, as the network gets them.

    Args:
        images: the user's.
        compute: how they are prepared.
        inputs: what the network takes.
    """

    def __init__(self, images: ImageSet, compute: Compute, inputs: InputContract) -> None:
        self._images, self._inputs = images, inputs
        # One that cannot be read is no sample; whether it may be missing is decided where it is encoded.
        self._compute = replace(compute, on_bad_image="skip", batch=min(compute.batch, 8))

    def positions(self, most: int) -> npt.NDArray[np.int64]:
        """Evenly drawn."""
        count = len(self._images)
        return np.unique(np.linspace(0, count - 1, min(most, count)).astype(np.int64))

    def batches(self, most: int) -> Iterator[npt.NDArray[Any]]:
        """Yield the images in batches of one size; what the network does not take is left out."""
        for batch in ImageSource(self._images).batches(self.positions(most), self._compute):
            images = np.ascontiguousarray(batch.values.cpu().numpy())
            if self._inputs.dtype == "float32":
                images = images.astype(np.float32) / np.float32(255)
            if not self._inputs.fault((images.shape[2], images.shape[3])):
                yield images

    def digest(self, most: int) -> str:
        """Of names and lengths of the images, and of how they are prepared."""
        how = self._compute
        said: list[Any] = [how.size, how.longest, how.short_side, how.max_side, how.multiple, how.interpolation]
        for position in self.positions(most).tolist():
            path = self._images.path(position)
            said.append([self._images.names[position], path.stat().st_size if path.is_file() else -1])
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()
