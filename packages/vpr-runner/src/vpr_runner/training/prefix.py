"""The frozen-prefix cache: what the frozen part of the backbone makes of each image, computed once.

When a backbone is trained from a late stage on, everything below it gives the same activations in every epoch, every
cache refresh and every step. They are kept on disk in half precision; the trained part starts from them.

The file's name is a hash of the frozen weights, the preprocessing and the images' bytes: a cache is never taken for
another. Its space is announced and allocated before it is written. Filling it can be interrupted and goes on; what is
there already is compared with its SHA-256, chunk by chunk, once a start.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from vpr_data import Augmentation
from vpr_runner.distributed import Ranks
from vpr_runner.encoding.cache import memory_map
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.encode import NonFiniteDescriptorError, encode, evaluating
from vpr_runner.encoding.pixels import PixelMemory
from vpr_runner.encoding.source import ActivationSource, ImageSource, JoinedImages, Source
from vpr_runner.extraction.manifest import images_digest
from vpr_runner.network.storage import tensor_digest
from vpr_runner.progress import Progress
from vpr_runner.training.prefix_marks import Marks

if TYPE_CHECKING:
    from vpr_runner.network.retriever import Retriever

__all__ = ["FrozenCaches", "frozen_activation_source", "frozen_key", "frozen_tensors"]

log = logging.getLogger(__name__)
_CHUNK = 256


class _NotCacheableError(Exception):
    """Why activations cannot be kept; training goes on without."""


def frozen_activation_source(
    retriever: Retriever, images: JoinedImages, *, compute: Compute, folder: Path, limit: int, shown: bool = False
) -> ActivationSource | None:
    """Return the activations below the trained part for ``images``, or None where that cannot or may not be.

    Args:
        retriever: its backbone says what is frozen.
        images: every image that will be asked for; all of one size, if ``compute.size`` does not make them so.
        compute: image size, precision, batch.
        folder: where the file lies.
        limit: largest file in bytes; a larger one is not begun.
        shown: print progress.
    """
    if limit <= 0:
        return None
    try:
        shape = _activation_shape(retriever, images, compute)
        if shape is None:
            return None
        size = 2 * len(images) * int(np.prod(shape))
        what = f"{len(images)} images x {' x '.join(map(str, shape))} float16 = {size / 2**30:.2f} GiB"
        if size > limit:
            raise _NotCacheableError(f"{what} is more than train.frozen_cache_gib leaves ({limit / 2**30:.2f})")
        file = folder / f"frozen-{frozen_key(retriever, images, compute)[:24]}.f16"
        log.info("frozen-prefix cache: %s in %s", what, file)
        rows, failures = _filled(retriever, images, compute, file, shape, shown=shown)
    except _NotCacheableError as reason:
        log.warning("no frozen-prefix cache: %s; frozen layers are computed anew each time", reason)
        return None
    return ActivationSource(images.names, rows, failures=failures)


class FrozenCaches:
    """Chooses where the images of a run come from, within one allowance of disk.

    Args:
        folder: where cache files lie.
        gib: GiB of disk that cache files may take in all.
        compute: image size, precision, batch.
        ranks: with several processes there is no cache: they need not share a disk.
        shown: print progress.
    """

    def __init__(self, folder: Path, *, gib: float, compute: Compute, ranks: Ranks, shown: bool) -> None:
        self._folder, self._compute, self._ranks, self._shown = folder, compute, ranks, shown
        self._left = int(gib * 2**30)

    def source(
        self,
        retriever: Retriever,
        images: JoinedImages,
        *,
        augment: Callable[[int], Augmentation] | None = None,
    ) -> Source:
        """Return the input of the network for ``images``; images that are changed at random are never cached."""
        if self._ranks.world == 1 and augment is None:
            cached = frozen_activation_source(
                retriever,
                images,
                compute=self._compute,
                folder=self._folder,
                limit=self._left,
                shown=self._shown,
            )
            if cached is not None:
                self._left -= cached.size
                return cached
        return ImageSource(images, augment=augment, memory=PixelMemory(len(images)))


def frozen_tensors(backbone: nn.Module) -> dict[str, torch.Tensor]:
    """Return the parameters that are not trained, and the buffers of modules in which nothing is trained."""
    found: dict[str, torch.Tensor] = {
        name: value for name, value in backbone.named_parameters() if not value.requires_grad
    }
    for prefix, module in backbone.named_modules():
        if not any(parameter.requires_grad for parameter in module.parameters(recurse=False)):
            for name, value in module.named_buffers(prefix=prefix, recurse=False):
                found[name] = value
    return found


def frozen_key(retriever: Retriever, images: JoinedImages, compute: Compute) -> str:
    """Return the SHA-256 of everything the activations depend on."""
    backbone = retriever.backbone
    how = {
        "structure": repr(backbone),
        "mean": list(backbone.mean),
        "std": list(backbone.std),
        "input_scale": backbone.input_scale,
        "size": compute.size,
        "longest": compute.longest if compute.sizing.by_longest else None,
        **compute.sizing.later(),
        "precision": compute.precision,
        "weights": tensor_digest(frozen_tensors(backbone)),
        "images": images_digest(images, range(len(images))),
    }
    return hashlib.sha256(json.dumps(how, sort_keys=True).encode()).hexdigest()


@torch.inference_mode()
def _activation_shape(retriever: Retriever, images: JoinedImages, compute: Compute) -> tuple[int, ...] | None:
    """Return ``(C, h, w)`` of the frozen part for the first image, or None where nothing is frozen."""
    first = next(ImageSource(images).batches(range(min(len(images), 16)), compute), None)
    if first is None:
        raise _NotCacheableError("the first images cannot be read")
    with evaluating(retriever):
        before = retriever.normalize(first.values[:1])
        activations = retriever.backbone.frozen(before)
    return None if activations is before else tuple(activations.shape[1:])


def _filled(
    retriever: Retriever,
    images: JoinedImages,
    compute: Compute,
    file: Path,
    shape: tuple[int, ...],
    *,
    shown: bool,
) -> tuple[npt.NDArray[np.float16], dict[int, str]]:
    """Write what is missing or damaged of ``file``, chunk by chunk, each marked done after it is on the disk.

    Returns the rows, and position and reason of those that are NaN because their image cannot be read.
    """
    marks = Marks.read(file.with_suffix(".json")) if file.exists() else Marks(file.with_suffix(".json"))
    try:
        rows = memory_map(file, (len(images), *shape), np.float16)
    except OSError as error:
        raise _NotCacheableError(f"no room on the disk ({error.strerror})") from error

    def frozen(values: Tensor) -> Tensor:
        activations = retriever.frozen_activations(values)
        if tuple(activations.shape[1:]) != shape:
            raise _NotCacheableError("images differ in size; image.size would make them equal")
        return activations

    source = ImageSource(images)
    with evaluating(retriever), Progress(len(images), "frozen layers", shown=shown) as progress:
        for start in range(0, len(images), _CHUNK):
            stop = min(start + _CHUNK, len(images))
            chunk = rows[start:stop]
            if marks.hold(start, chunk):
                progress.update(stop - start)
                continue
            try:
                found = encode(frozen, source, range(start, stop), out=chunk, compute=compute, progress=progress)
            except (NonFiniteDescriptorError, _NotCacheableError) as error:
                file.unlink()
                marks.file.unlink(missing_ok=True)
                if isinstance(error, _NotCacheableError):
                    raise
                raise _NotCacheableError(f"activations of {error.images[0]} overflow half precision") from error
            rows.flush()
            marks.add(start, chunk, failures={start + row: reason for row, reason in found.failures.items()})
    return rows, marks.failures
