"""Where the network's input comes from: image files, or activations of its frozen part kept on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vpr_data import image_batches
from vpr_runner.compute import Compute

if TYPE_CHECKING:
    from vpr_core.types import ImageSet
    from vpr_runner.retriever import Retriever

__all__ = ["ActivationSource", "Batch", "ImageSource", "JoinedImages", "Source"]

Positions = Sequence[int] | npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Input of one forward pass: ``rows (B,)`` say which of the asked positions, ``values`` lie on the device."""

    rows: npt.NDArray[np.int64]
    values: Tensor


class Source(Protocol):
    """Input of the network for numbered images."""

    @property
    def names(self) -> Sequence[str]:
        """What messages call the images."""
        ...

    def forward(self, retriever: Retriever) -> Callable[[Tensor], Tensor]:
        """Return the function from this source's values to unit descriptors."""
        ...

    def batches(self, positions: Positions, compute: Compute) -> Iterator[Batch]:
        """Yield the values of ``positions``, batch by batch; each row once, unless its image is skipped."""
        ...

    def groups(self, wanted: Iterable[npt.NDArray[np.int64]], compute: Compute) -> Iterator[list[Batch]]:
        """For each array of positions yield its values: one batch, or one a shape where image sizes differ."""
        ...


class JoinedImages:
    """Image sets numbered on: positions of the second begin where those of the first end."""

    def __init__(self, *sets: ImageSet) -> None:
        self._sets = sets
        self._starts = np.cumsum([0, *(len(images) for images in sets)])
        self.names: Sequence[str] = [name for images in sets for name in images.names]

    def __len__(self) -> int:
        return int(self._starts[-1])

    def path(self, position: int) -> Path:
        """Return the file of an image."""
        which = int(np.searchsorted(self._starts, position, side="right")) - 1
        return self._sets[which].path(position - int(self._starts[which]))


class ImageSource:
    """Image files, decoded in threads ahead of the network."""

    def __init__(self, images: ImageSet | JoinedImages) -> None:
        self._images = images

    @property
    def names(self) -> Sequence[str]:
        """Relative paths."""
        return self._images.names

    def forward(self, retriever: Retriever) -> Callable[[Tensor], Tensor]:
        """Return the whole network."""
        return retriever

    def batches(self, positions: Positions, compute: Compute) -> Iterator[Batch]:
        """Yield decoded batches, by shape where sizes differ."""
        batches = image_batches(
            [self._images.path(int(position)) for position in positions],
            size=compute.size,
            batch_size=compute.batch,
            workers=compute.workers,
            on_error=compute.on_bad_image,
        )
        for batch in batches:
            yield Batch(np.asarray(batch.positions, dtype=np.int64), _to_device(batch.images, compute.device))

    def groups(self, wanted: Iterable[npt.NDArray[np.int64]], compute: Compute) -> Iterator[list[Batch]]:
        """Yield the images of each array, decoding ahead across arrays."""
        arrays = list(wanted)
        paths = [self._images.path(int(position)) for array in arrays for position in array]
        # One image a batch: the stream keeps its order and its read-ahead while the arrays differ in length.
        stream = iter(image_batches(paths, size=compute.size, batch_size=1, workers=compute.workers, on_error="error"))
        for array in arrays:
            by_shape: dict[tuple[int, ...], tuple[list[int], list[Tensor]]] = {}
            for row in range(len(array)):
                image = next(stream).images
                rows, tensors = by_shape.setdefault(tuple(image.shape), ([], []))
                rows.append(row)
                tensors.append(image)
            yield [
                Batch(np.array(rows, dtype=np.int64), _to_device(torch.cat(tensors), compute.device))
                for rows, tensors in by_shape.values()
            ]


class ActivationSource:
    """Activations of the frozen part, one row an image: ``(N, C, h, w)`` float16 memory map."""

    def __init__(self, names: Sequence[str], activations: npt.NDArray[np.float16]) -> None:
        if len(names) != len(activations):
            raise ValueError(f"names has {len(names)} entries; activations has {len(activations)} rows")
        self.names = names
        self._activations = activations

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return int(self._activations.nbytes)

    def forward(self, retriever: Retriever) -> Callable[[Tensor], Tensor]:
        """Return the trainable part of the network."""
        return retriever.from_activations

    def batches(self, positions: Positions, compute: Compute) -> Iterator[Batch]:
        """Yield rows of the memory map."""
        where = np.asarray(positions, dtype=np.int64)
        for start in range(0, len(where), compute.batch):
            rows = np.arange(start, min(start + compute.batch, len(where)))
            yield Batch(rows, self._read(where[rows], compute))

    def groups(self, wanted: Iterable[npt.NDArray[np.int64]], compute: Compute) -> Iterator[list[Batch]]:
        """Yield one batch for each array."""
        for array in wanted:
            yield [Batch(np.arange(len(array)), self._read(array, compute))] if len(array) else []

    def _read(self, positions: npt.NDArray[np.int64], compute: Compute) -> Tensor:
        return torch.from_numpy(self._activations[positions]).to(compute.device).float()


def _to_device(images: Tensor, device: torch.device) -> Tensor:
    """Move a batch, overlapping the copy with earlier work where the device allows it."""
    if device.type != "cuda":
        return images.to(device)
    return images.pin_memory().to(device, non_blocking=True)
