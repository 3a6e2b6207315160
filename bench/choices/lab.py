"""One network on one set: its plain descriptors, and rows that compare a choice with them."""

from __future__ import annotations

import statistics
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from bench.choices.networks import feature_maps, pictures, pooled
from bench.choices.outcome import compare, cosines, first_hits
from bench.choices.reading import Reader, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bench.choices.groups import TestSet
    from bench.choices.networks import Fitted

__all__ = ["Lab", "Pair", "Row", "timed"]

Row = dict[str, Any]
Pair = tuple[np.ndarray, np.ndarray]
"""Descriptors of database and queries."""


class Lab:
    """A network on a set; what is asked for twice is computed once.

    Args:
        fitted: the network.
        at: the set.
    """

    def __init__(self, fitted: Fitted, at: TestSet) -> None:
        self.fitted, self.at = fitted, at
        self._plain: dict[str, Pair] = {}
        self._hits: dict[str, np.ndarray] = {}

    def prepare(self) -> None:
        """Compute what every axis needs."""
        for head in self.fitted.heads:
            self.hits(head)

    @cached_property
    def pictures(self) -> tuple[Tensor, Tensor]:
        """Database and queries as the network sees them."""
        return self.read(plain)

    def read(self, reader: Reader, *, size: tuple[int, int] | None = None) -> tuple[Tensor, Tensor]:
        """Read both with another reader, or at another size."""
        split, wanted = self.at.split, size or self.at.size
        return pictures(split.database, wanted, reader), pictures(split.queries, wanted, reader)

    def read_queries(self, reader: Reader) -> Tensor:
        """Read the queries alone."""
        return pictures(self.at.split.queries, self.at.size, reader)

    @cached_property
    def maps(self) -> tuple[Tensor, Tensor]:
        """Feature maps of both, kept on the disk."""
        made = []
        for role, number in (("database", 0), ("queries", 1)):
            name = f"{self.at.name} {self.at.size} {role}"
            found = self.fitted.kept(name, lambda n=number: self.encode(self.pictures[n]).numpy())
            made.append(torch.from_numpy(found))
        return made[0], made[1]

    def encode_both(self, images: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Return feature maps of database and queries; what is the plain images to the bit is not encoded again."""
        database, queries = (
            self.maps[n] if torch.equal(images[n], self.pictures[n]) else self.encode(images[n]) for n in (0, 1)
        )
        return database, queries

    def encode(self, images: Tensor, **how: Any) -> Tensor:
        """Return feature maps of images, by the plain network unless ``backbone`` says otherwise."""
        return feature_maps(how.pop("backbone", self.fitted.backbone), images, **how)

    def plain(self, head: str) -> Pair:
        """Plain descriptors of database and queries."""
        if head not in self._plain:
            layer = self.fitted.heads[head]
            self._plain[head] = pooled(layer, self.maps[0]), pooled(layer, self.maps[1])
        return self._plain[head]

    def hits(self, head: str) -> np.ndarray:
        """Ranks of the first right image for the plain descriptors."""
        if head not in self._hits:
            self._hits[head] = first_hits(*self.plain(head), self.at.split)
        return self._hits[head]

    def row(
        self,
        choice: str,
        side: str,
        head: str,
        found: Pair | None = None,
        *,
        hits: np.ndarray | None = None,
        comparable: bool = True,
        size: float | None = None,
        **more: Any,
    ) -> Row:
        """Return one row: a choice made on ``side`` (database, queries, both) against plain descriptors of ``head``.

        Args:
            choice: its name.
            side: where it is made; the other side has plain descriptors.
            head: the pooling layer.
            found: descriptors of database and queries with the choice made.
            hits: ranks of first right images, where they do not come from exact search of ``found``.
            comparable: the numbers of both kinds of descriptors mean the same, so that a cosine says something.
            size: bytes a descriptor; None: four a number.
            more: what else is known, such as ``ms`` and ``plain_ms``.
        """
        before = self.plain(head)
        if hits is None:
            assert found is not None
            hits = first_hits(*found, self.at.split)
        cosine = None
        if comparable and found is not None:
            changed = [n for n, role in enumerate(("database", "queries")) if side in ("both", role)]
            first = np.concatenate([before[n] for n in changed])
            if all(found[n].shape[1] == before[n].shape[1] for n in changed):
                cosine = cosines(first, np.concatenate([found[n] for n in changed]))
        if size is None:
            size = 4 * (before if found is None else found)[0].shape[1]
        return {
            "choice": choice,
            "side": side,
            "network": self.fitted.name,
            "set": self.at.name,
            "head": head,
            **compare(self.hits(head), hits),
            "cosine": cosine,
            "bytes": size,
            "plain_bytes": 4 * before[0].shape[1],
            **more,
        }

    def of_maps(
        self,
        choice: str,
        maps: tuple[Tensor | None, Tensor],
        *,
        heads: Mapping[str, nn.Module] | None = None,
        sides: tuple[str, ...] = ("both", "queries"),
        **more: Any,
    ) -> Iterator[Row]:
        """Yield rows of each layer for feature maps of database (None: plain) and queries, for each of ``sides``."""
        for head, layer in (heads or self.fitted.heads).items():
            before = self.plain(head)
            queries = pooled(layer, maps[1])
            database = before[0] if maps[0] is None else pooled(layer, maps[0])
            for side in sides:
                pairs = {
                    "both": (database, queries),
                    "queries": (before[0], queries),
                    "database": (database, before[1]),
                }
                yield self.row(choice, side, head, pairs[side], **more)


def timed(contestants: Mapping[str, Callable[[], object]], *, each: int, repeats: int = 3) -> dict[str, float]:
    """Return milliseconds an item of every contestant, in turns after one unrecorded round: medians of ``repeats``."""
    spent: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(1 + repeats):
        for name, call in contestants.items():
            start = time.perf_counter()
            call()
            spent[name].append(time.perf_counter() - start)
    return {name: round(1000 * statistics.median(rounds[1:]) / each, 4) for name, rounds in spent.items()}
