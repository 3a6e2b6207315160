"""Images smaller and larger than the plain size."""

from __future__ import annotations

from collections.abc import Iterator

from bench.choices.lab import Lab, Row, timed
from bench.choices.reading import plain

TIMES = (0.5, 0.75, 1.5, 2.0)
MOST_PIXELS = 10_000_000
"""Of a database: beyond so many it is not encoded at twice the size, which takes four times as long."""


def measure(lab: Lab) -> Iterator[Row]:
    """Yield rows of each size, on both sides and on the queries alone."""
    pixels = len(lab.at.split.database) * lab.at.size[0] * lab.at.size[1]
    for times in TIMES:
        if times == 2 and pixels > MOST_PIXELS:
            continue
        size = (8 * round(lab.at.size[0] * times / 8), 8 * round(lab.at.size[1] * times / 8))
        images = lab.read(plain, size=size)
        spent = timed(
            {"plain": lambda: lab.encode(lab.pictures[1][:8]), "other": lambda i=images: lab.encode(i[1][:8])}, each=8
        )
        maps = (lab.encode(images[0]), lab.encode(images[1]))
        name = f"{times:g} times"
        yield from lab.of_maps(name, maps, ms=spent["other"], plain_ms=spent["plain"], of="network", pixels=list(size))
