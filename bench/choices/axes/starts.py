"""Where k-means starts and what it sees: ten seeds, fewer images, fewer features of each."""

from __future__ import annotations

from collections.abc import Iterator

from bench.choices.lab import Lab, Row
from bench.choices.networks import pooled

SEEDS = tuple(range(1, 11))
SAMPLES = ((10, 100), (50, 100), (200, 100), (500, 10), (100, 25))


def measure(lab: Lab) -> Iterator[Row]:
    """Yield one row a seed (of images, features and start), and rows of smaller samples with the plain seed."""
    plain = lab.plain("NetVLAD")
    for seed in SEEDS:
        layer = lab.fitted.netvlad(seed=seed)
        found = pooled(layer, lab.maps[0]), pooled(layer, lab.maps[1])
        # Clusters of two seeds are numbered differently: a cosine between the descriptors says nothing.
        yield lab.row("another seed", "both", "NetVLAD", found, comparable=False, seed=seed)
        mixed = plain[0], found[1]
        yield lab.row("another seed", "queries", "NetVLAD", mixed, comparable=False, seed=seed)
    for images, locations in SAMPLES:
        layer = lab.fitted.netvlad(images=images, locations=locations)
        found = pooled(layer, lab.maps[0]), pooled(layer, lab.maps[1])
        name = f"{images} images, {locations} features each"
        yield lab.row(name, "both", "NetVLAD", found, comparable=False, seed=0)
