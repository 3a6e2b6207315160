"""PCA whitening: learnt from the database itself or from training images, to how many numbers, from how many images."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from bench.choices.lab import Lab, Row
from bench.choices.networks import drawn
from vpr_eval import Whitening

DIMS = (32, 64, 128, 256, 512, 1024, 2048, 4096)
IMAGES = (64, 128, 256, 512, 1024)
TO = (32, 128)
"""Dimensions at which the number of images is varied."""


def measure(lab: Lab) -> Iterator[Row]:
    """Yield rows of each source, dimension, number of images, and of plain PCA."""
    for head in lab.fitted.heads:
        database = lab.plain(head)[0]
        training = len(lab.fitted.group.training)
        yield from _source(lab, "own database", head, len(database), _fit_to(database))
        yield from _source(
            lab, "training set", head, training, lambda head=head, **how: lab.fitted.whitening(head, **how)
        )


def _fit_to(rows: np.ndarray) -> Callable[..., Whitening]:
    def fit(*, dim: int, images: int | None = None, power: float = 0.5) -> Whitening:
        return Whitening.fit(rows if images is None else drawn(rows, images), dim=dim, power=power)

    return fit


def _source(lab: Lab, source: str, head: str, count: int, fit: Callable[..., Whitening]) -> Iterator[Row]:
    size = lab.plain(head)[0].shape[1]
    most = min(count - 1, size)
    full = fit(dim=most)
    for dim in DIMS:
        if dim <= most:
            yield _row(lab, f"{source}, to {dim}", head, full.truncated(dim))
    if most == count - 1:
        yield _row(lab, f"{source}, to all n - 1", head, full)
    flat = fit(dim=min(512, most), power=0.0)
    for dim in (128, 512):
        if dim <= flat.out_dim:
            yield _row(lab, f"{source}, PCA without whitening, to {dim}", head, flat.truncated(dim))
    for images in IMAGES:
        if images >= count:
            continue
        few = fit(dim=min(max(TO), images - 1, size), images=images)
        for dim in TO:
            if dim <= few.out_dim:
                yield _row(lab, f"{source}, {images} images, to {dim}", head, few.truncated(dim))


def _row(lab: Lab, choice: str, head: str, whitening: Whitening) -> Row:
    found = [whitening.transform(rows) for rows in lab.plain(head)]
    return lab.row(choice, "both", head, (found[0], found[1]), comparable=False, images=whitening.samples)
