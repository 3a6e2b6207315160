"""PCA whitening: learnt from the database itself or from training images, to how many numbers, from how many images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bench.choices.lab import Lab, Row
from vpr_eval import Whitening

DIMS = (32, 64, 128, 256, 512, 1024, 2048, 4096)
IMAGES = (64, 128, 256, 512, 1024)
TO = (32, 128)
"""Dimensions at which the number of images is varied."""


def measure(lab: Lab) -> Iterator[Row]:
    """Yield rows of each source, dimension, number of images, and of plain PCA."""
    for head in lab.fitted.heads:
        pair = lab.plain(head)
        sources = {"own database": pair[0], "training set": lab.fitted.training_descriptors(head)}
        for source, rows in sources.items():
            most = min(len(rows) - 1, rows.shape[1])
            full = Whitening.fit(rows, dim=most)
            for dim in DIMS:
                if dim <= most:
                    yield _row(lab, f"{source}, to {dim}", head, full.truncated(dim), pair)
            if most == len(rows) - 1:
                yield _row(lab, f"{source}, to all n - 1", head, full, pair)
            flat = Whitening.fit(rows, dim=min(512, most), power=0.0)
            for dim in (128, 512):
                if dim <= flat.out_dim:
                    yield _row(lab, f"{source}, PCA without whitening, to {dim}", head, flat.truncated(dim), pair)
            for images in IMAGES:
                if images >= len(rows):
                    continue
                chosen = np.random.default_rng(0).permutation(len(rows))[:images]
                few = Whitening.fit(rows[np.sort(chosen)], dim=min(max(TO), images - 1, rows.shape[1]))
                for dim in TO:
                    if dim <= few.out_dim:
                        yield _row(lab, f"{source}, {images} images, to {dim}", head, few.truncated(dim), pair)


def _row(lab: Lab, choice: str, head: str, whitening: Whitening, pair: tuple[np.ndarray, np.ndarray]) -> Row:
    found = whitening.transform(pair[0]), whitening.transform(pair[1])
    return lab.row(choice, "both", head, found, comparable=False, images=whitening.samples)
