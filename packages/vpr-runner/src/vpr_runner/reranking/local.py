"""What a local re-ranker sees of the images of a set: pixels, or the backbone's feature maps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vpr_data.city.store import cache_root
from vpr_runner.code import local_code
from vpr_runner.encoding.encode import evaluating
from vpr_runner.encoding.source import ImageSource
from vpr_runner.files.atomic import sha256_of
from vpr_runner.reranking.store import FeatureStore, bytes_of

if TYPE_CHECKING:
    from vpr_core import ComponentConfig, Registry
    from vpr_core.matching import LocalReranker
    from vpr_core.types import ImageSet
    from vpr_runner.encoding.compute import Compute
    from vpr_runner.encoding.source import JoinedImages
    from vpr_runner.network.retriever import Retriever
    from vpr_runner.reranking.store import Features

__all__ = ["LocalFeatures", "Look", "store_of"]

Look = Callable[[Tensor], Sequence[npt.NDArray[Any]]]
"""From a batch of decoded images ``(B, 3, H, W)`` to what the re-ranker sees of each."""


class LocalFeatures:
    """Local features of a set of images, computed when they are first asked for.

    Args:
        reranker: computes them.
        images: the set.
        look: what it sees of an image.
        compute: how images are decoded and sized.
        store: keeps the features by the content of the image's file.
    """

    def __init__(
        self,
        reranker: LocalReranker,
        images: ImageSet | JoinedImages,
        *,
        look: Look,
        compute: Compute,
        store: FeatureStore,
    ) -> None:
        self._reranker, self._images, self._look = reranker, images, look
        self._compute, self._store = compute, store
        self._digests: dict[int, str] = {}
        self.sizes: dict[str, int] = {}
        """Bytes of the features of each content that was asked for."""

    def of(self, positions: Sequence[int]) -> list[Features | None]:
        """Return the features of some images; None for one that cannot be read."""
        found = {position: self._store.get(self._digest(position)) for position in positions}
        missing = [position for position, features in found.items() if features is None]
        if missing:
            for position, features in self._computed(missing):
                self._store.put(self._digest(position), features)
                found[position] = features
        self.sizes |= {self._digests[position]: bytes_of(f) for position, f in found.items() if f is not None}
        return [found[position] for position in positions]

    def _computed(self, positions: list[int]) -> Iterator[tuple[int, Features]]:
        for batch in ImageSource(self._images).batches(positions, self._compute):
            for row, seen in zip(batch.rows.tolist(), self._look(batch.values), strict=True):
                yield positions[row], self._reranker.features(seen)

    def _digest(self, position: int) -> str:
        if position not in self._digests:
            try:
                self._digests[position] = sha256_of(self._images.path(position))
            except OSError:
                self._digests[position] = f"unreadable-{position}"
        return self._digests[position]


def look_at(needs: str, retriever: Retriever, compute: Compute) -> Look:
    """Return what a re-ranker that ``needs`` images or maps sees of a batch."""
    return _pixels if needs == "images" else lambda images: _maps(images, retriever, compute)


def store_of(config: ComponentConfig, registry: Registry, *, needs: str, compute: Compute, model: str) -> FeatureStore:
    """Return the store for a re-ranker, in the cache folder (``VPR_CACHE``), apart for all that decides a feature.

    ``model`` is the fingerprint of the network, which decides feature maps and no pixel.
    """
    spec = registry.get("reranker", config.type)
    said = {
        "reranker": config.model_dump(mode="json", exclude={"first"}),
        "origin": str(registry.origin("reranker", config.type)),
        "code": local_code(registry),
        "image": {**asdict(compute.sizing), "max_pixels": compute.max_pixels},
        "model": model if needs == "maps" else None,
        "precision": compute.precision if needs == "maps" else None,
    }
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    return FeatureStore(Path(cache_root()) / "local-features" / f"{spec.name}-{digest[:16]}")


def _pixels(images: Tensor) -> list[npt.NDArray[Any]]:
    return [np.ascontiguousarray(image) for image in images.permute(0, 2, 3, 1).cpu().numpy()]


def _maps(images: Tensor, retriever: Retriever, compute: Compute) -> list[npt.NDArray[Any]]:
    with evaluating(retriever), torch.inference_mode(), compute.autocast():
        return list(retriever.features(images).float().cpu().numpy())
