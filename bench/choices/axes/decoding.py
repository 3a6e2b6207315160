"""Another decoder or another resizing: on both sides, and on the queries alone."""

from __future__ import annotations

from collections.abc import Iterator

from bench.choices.lab import Lab, Row, timed
from bench.choices.reading import READERS, plain


def measure(lab: Lab) -> Iterator[Row]:
    """Yield rows of every reader."""
    queries, size = lab.at.split.queries, lab.at.size
    some = [queries.path(position) for position in range(min(24, len(queries)))]
    readers = {"plain": plain, **READERS}
    spent = timed(
        {name: lambda read=read: [read(path, size) for path in some] for name, read in readers.items()}, each=len(some)
    )
    for name, read in READERS.items():
        maps = lab.encode_both(lab.read(read))
        yield from lab.of_maps(name, maps, ms=spent[name], plain_ms=spent["plain"], of="decoding")
