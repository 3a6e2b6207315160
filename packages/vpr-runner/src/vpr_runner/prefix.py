"""The frozen-prefix cache: what the frozen part of the backbone makes of each image, computed once.

When a backbone is trained from a late stage on, everything below it gives the same activations in every epoch, every
cache refresh and every step. They are kept on disk in half precision; the trained part starts from them.

The file's name is a hash of the frozen weights, the preprocessing and the images' bytes: a cache is never taken for
another. Its space is announced and allocated before it is written. Filling it can be interrupted and goes on.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from vpr_data import Augmentation
from vpr_runner import atomic
from vpr_runner.cache import memory_map
from vpr_runner.compute import Compute
from vpr_runner.distributed import Ranks
from vpr_runner.encode import encode, evaluating
from vpr_runner.manifest import images_digest
from vpr_runner.progress import Progress
from vpr_runner.source import ActivationSource, ImageSource, JoinedImages, Source
from vpr_runner.storage import tensor_digest

if TYPE_CHECKING:
    from vpr_core import RunConfig
    from vpr_runner.retriever import Retriever

__all__ = ["FrozenCaches", "frozen_activation_source", "frozen_key", "frozen_tensors"]

log = logging.getLogger(__name__)
_CHUNK = 256


def frozen_activation_source(
    retriever: Retriever,
    images: JoinedImages,
    *,
    compute: Compute,
    folder: Path,
    limit: int,
    skip: frozenset[int] = frozenset(),
    shown: bool = False,
) -> ActivationSource | None:
    """Return the activations below the trained part for ``images``, or None where that cannot or may not be.

    Args:
        retriever: its backbone says what is frozen.
        images: every image that training will ask for.
        compute: image size, precision, batch.
        folder: where the file lies.
        limit: largest file in bytes; a larger one is not begun.
        skip: positions of unreadable images, which nobody will ask for.
        shown: print progress.
    """
    if limit <= 0:
        return None
    if compute.size is None:
        log.info("no frozen-prefix cache: image.size is null, so activations may differ in shape")
        return None
    shape = _activation_shape(retriever, compute.size, compute.device)
    if shape is None:
        return None
    size = 2 * len(images) * int(np.prod(shape))
    what = f"{len(images)} images x {' x '.join(map(str, shape))} float16 = {size / 2**30:.2f} GiB"
    if size > limit:
        log.warning(
            "no frozen-prefix cache: %s is more than train.frozen_cache_gib allows (%.2f); frozen layers are computed "
            "again each time",
            what,
            limit / 2**30,
        )
        return None
    file = folder / f"frozen-{frozen_key(retriever, images, compute)[:24]}.f16"
    log.info("frozen-prefix cache: %s in %s", what, file)
    return ActivationSource(images.names, _filled(retriever, images, compute, file, shape, skip, shown=shown))


class FrozenCaches:
    """Chooses where the images of a run come from, within one allowance of disk.

    Args:
        folder: where cache files lie.
        config: ``train.frozen_cache_gib`` and whether images are augmented.
        compute: image size, precision, batch.
        ranks: with several processes there is no cache: they need not share a disk.
        shown: print progress.
    """

    def __init__(self, folder: Path, *, config: RunConfig, compute: Compute, ranks: Ranks, shown: bool) -> None:
        self._folder, self._config, self._compute, self._ranks, self._shown = folder, config, compute, ranks, shown
        self._left = int(config.train.frozen_cache_gib * 2**30)

    def source(
        self,
        retriever: Retriever,
        images: JoinedImages,
        *,
        unreadable: frozenset[int],
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
                skip=unreadable,
                shown=self._shown,
            )
            if cached is not None:
                self._left -= cached.size
                return cached
        return ImageSource(images, augment=augment)


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
        "precision": compute.precision,
        "weights": tensor_digest(frozen_tensors(backbone)),
        "images": images_digest(images, range(len(images))),
    }
    return hashlib.sha256(json.dumps(how, sort_keys=True).encode()).hexdigest()


@torch.inference_mode()
def _activation_shape(retriever: Retriever, size: tuple[int, int], device: torch.device) -> tuple[int, ...] | None:
    """Return ``(C, h, w)`` of the frozen part, or None where nothing is frozen."""
    with evaluating(retriever):
        images = retriever.normalize(torch.zeros(1, 3, *size, dtype=torch.uint8, device=device))
        activations = retriever.backbone.frozen(images)
    return None if activations is images else tuple(activations.shape[1:])


def _filled(
    retriever: Retriever,
    images: JoinedImages,
    compute: Compute,
    file: Path,
    shape: tuple[int, ...],
    skip: frozenset[int],
    *,
    shown: bool,
) -> np.ndarray[tuple[int, ...], np.dtype[np.float16]]:
    """Write what is still missing of ``file``, chunk by chunk, each marked done after it is on the disk."""
    marks = file.with_suffix(".json")
    done = _done(marks) if file.exists() else 0
    rows = memory_map(file, (len(images), *shape), np.float16)
    source = ImageSource(images)
    with evaluating(retriever), Progress(len(images), "frozen layers", shown=shown) as progress:
        progress.update(min(done, len(images)))
        for start in range(done, len(images), _CHUNK):
            stop = min(start + _CHUNK, len(images))
            positions = np.array([p for p in range(start, stop) if p not in skip], dtype=np.int64)
            chunk = np.empty((len(positions), *shape), dtype=np.float16)
            encode(retriever.frozen_activations, source, positions, out=chunk, compute=compute, progress=progress)
            rows[positions] = chunk
            rows.flush()  # type: ignore[attr-defined]
            atomic.write_json(marks, {"done": stop, "of": len(images)})
    return rows


def _done(marks: Path) -> int:
    try:
        return int(json.loads(marks.read_text())["done"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
