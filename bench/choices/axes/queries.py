"""Queries that are worse than the database's images, or seen otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from bench.choices.lab import Lab, Row
from bench.choices.reading import CHANGES, changed


def measure(lab: Lab) -> Iterator[Row]:
    """Yield rows of every change, on the queries alone."""
    for name, change in CHANGES.items():
        maps = lab.encode(lab.read_queries(changed(change)))
        yield from lab.of_maps(name, (None, maps), sides=("queries",))
