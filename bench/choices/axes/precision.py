"""Arithmetic of the network: half precision on both sides, and on one of them."""

from __future__ import annotations

from collections.abc import Iterator

from bench.choices.lab import Lab, Row, timed

PRECISIONS = ("bfloat16", "float16")


def measure(lab: Lab) -> Iterator[Row]:
    """Yield rows of autocast to each type; the pooling layers work in float32 whatever they are given."""
    some = lab.pictures[1][:8]
    contestants = {"plain": lambda: lab.encode(some)}
    contestants |= {name: lambda name=name: lab.encode(some, precision=name) for name in PRECISIONS}
    spent = timed(contestants, each=len(some))
    for name in PRECISIONS:
        # A CPU without float16 units takes its time: the database is encoded in bfloat16 alone.
        whole = name == "bfloat16"
        database = lab.encode(lab.pictures[0], precision=name) if whole else None
        maps = (database, lab.encode(lab.pictures[1], precision=name))
        sides = ("both", "queries", "database") if whole else ("queries",)
        yield from lab.of_maps(name, maps, sides=sides, ms=spent[name], plain_ms=spent["plain"], of="network")
