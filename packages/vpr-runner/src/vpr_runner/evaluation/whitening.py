"""PCA whitening learnt on a training database, as the last layer of a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from vpr_core import UsageError
from vpr_eval import Whitening
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.encode import encode_all
from vpr_runner.encoding.source import ImageSource
from vpr_runner.keys import sample
from vpr_runner.network.retriever import WhiteningLayer

if TYPE_CHECKING:
    from vpr_core.config.sections import WhitenConfig
    from vpr_core.types import ImageSet
    from vpr_runner.network.retriever import Retriever

__all__ = ["check_whitening", "fit_whitening"]


def fit_whitening(
    retriever: Retriever,
    database: ImageSet,
    whiten: WhitenConfig,
    *,
    seed: int,
    compute: Compute,
    shown: bool = False,
) -> WhiteningLayer:
    """Return PCA whitening fitted on descriptors of at most ``whiten.images`` images of a *training* database.

    Raises:
        UsageError: the database is too small for ``whiten.dim`` dimensions.
    """
    chosen = sample(len(database), whiten.images, seed, "whitening images")
    source = ImageSource(database)
    descriptors, encoded = encode_all(retriever, source, chosen, compute=compute, label="whitening", shown=shown)
    if encoded.failures:
        descriptors = np.delete(descriptors, list(encoded.failures), axis=0)
    check_whitening(whiten, images=len(descriptors), dim=descriptors.shape[1])
    fitted = Whitening.fit(descriptors, dim=whiten.dim, limit=max(2, len(descriptors)))
    return WhiteningLayer(weight=torch.from_numpy(fitted.weight), bias=torch.from_numpy(fitted.bias)).to(compute.device)


def check_whitening(whiten: WhitenConfig, *, images: int, dim: int) -> None:
    """Refuse more dimensions than so many training images and so long descriptors allow; asked before training, too.

    Raises:
        UsageError: ``whiten.dim`` is too large.
    """
    used = min(images, whiten.images)
    most = min(used - 1, dim)
    if whiten.dim > most:
        raise UsageError(
            f"whiten.dim: {whiten.dim} is more than {used} training database descriptors of {dim} numbers allow; "
            f"at most {most}"
        )
