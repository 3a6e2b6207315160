"""The sample of local features from which a pooling layer starts (NetVLAD's k-means)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vpr_core import UsageError
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.encode import evaluating
from vpr_runner.encoding.source import ImageSource
from vpr_runner.keys import generator, sample
from vpr_runner.progress import Progress

if TYPE_CHECKING:
    from vpr_core.types import ImageSet
    from vpr_runner.network.retriever import Retriever

__all__ = ["sample_local_features"]


def sample_local_features(
    retriever: Retriever,
    database: ImageSet,
    *,
    images: int,
    locations: int,
    seed: int,
    compute: Compute,
    shown: bool = False,
) -> Tensor:
    """Return ``(N, C)`` local features: ``locations`` random ones from each of ``images`` random database images.

    The paper takes 100 locations from each of 500 images. The draw of images is a function of ``seed``, that of
    locations of ``(seed, image)``, so batch size and image order do not matter. Features come as the backbone gives
    them; their L2-normalisation is the pooling layer's business.
    """
    chosen = sample(len(database), images, seed, "init images")
    rows: list[tuple[int, Tensor]] = []
    with evaluating(retriever), torch.no_grad(), Progress(len(chosen), "sample features", shown=shown) as progress:
        for batch in ImageSource(database).batches(chosen, compute):
            with compute.autocast():
                features = retriever.features(batch.values)
            flat = features.float().flatten(2).cpu()
            for row, feature in zip(batch.rows, flat, strict=True):
                draw = generator(seed, "init locations", int(chosen[row]))
                where = torch.randperm(feature.shape[1], generator=draw)[:locations]
                rows.append((int(row), feature[:, where].T))
            progress.update(len(batch.rows))
    if not rows:
        raise UsageError("init.images: no training database image could be read, so pooling cannot be initialised")
    return torch.cat([feature for _, feature in sorted(rows, key=lambda item: item[0])])
