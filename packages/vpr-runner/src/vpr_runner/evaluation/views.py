"""Queries as a test method wants them: cut, kept in their shape, or seen five times.

The names are those of the deep visual geo-localization benchmark (Berton et al., CVPR 2022, arXiv 2204.03444), section
4.6, where ``image.size = (H, W)`` is what the database is resized to, and ``s = min(H, W)``:

- ``hard_resize``: a query is resized to ``(H, W)`` as the database is.
- ``single_query``: its shorter side becomes ``s``, its shape is kept.
- ``central_crop``: it is resized in its shape until it covers ``(H, W)``, and cut to that from the middle.
- ``five_crops``: its shorter side becomes ``s``; the mean of the descriptors of five squares of ``s x s``, four corners
  and the middle, is the query's.
- ``nearest_crop``: the same squares are searched for one by one; an image counts by the square that it is nearest to.
- ``maj_voting``: likewise, after each image was brought nearer by how many squares agree on it (`agreed`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt
from torch import Tensor

from vpr_data import Sizing, image_batches
from vpr_eval import Neighbours
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.source import Batch, ImageSource, Positions, laid_out

if TYPE_CHECKING:
    from vpr_core.types import ImageSet, PlaceSplit
    from vpr_runner.network.retriever import Retriever

__all__ = ["TestMethod", "ViewSource", "Views", "agreed", "nearest_of_views"]

TestMethod = Literal["hard_resize", "single_query", "central_crop", "five_crops", "nearest_crop", "maj_voting"]
FIVE = ("five_crops", "nearest_crop", "maj_voting")
VOTES = (1, 5, 10)
"""First answers of each square among which it is counted who agrees."""


@dataclass(frozen=True, kw_only=True)
class Views:
    """What becomes of a query under one test method.

    Attributes:
        method: its name.
        size: ``(H, W)`` of the database's images.
        multiple: squares are cut down to a multiple of this.
        majority_weight: of ``maj_voting``.
    """

    method: TestMethod
    size: tuple[int, int]
    multiple: int = 1
    majority_weight: float = 0.01

    def __post_init__(self) -> None:
        if self.method not in get_args(TestMethod):
            raise ValueError(f"method must be one of {', '.join(get_args(TestMethod))}, got {self.method!r}")

    @property
    def count(self) -> int:
        """Descriptors a query."""
        return 5 if self.method in FIVE else 1

    @property
    def averaged(self) -> bool:
        """Whether the mean of the descriptors is the query's; else each is searched for."""
        return self.method == "five_crops"

    @property
    def side(self) -> int:
        """Of the squares."""
        return min(self.size) - min(self.size) % self.multiple

    def sizing(self, compute: Compute) -> Sizing:
        """How a query is resized, before squares are cut."""
        how = compute.sizing
        if self.method == "hard_resize":
            return how
        if self.method == "central_crop":
            return Sizing(cover=self.size, multiple=how.multiple, interpolation=how.interpolation)
        multiple = how.multiple if self.method == "single_query" else 1
        return Sizing(short_side=min(self.size), multiple=multiple, interpolation=how.interpolation)

    def cut(self, images: Tensor) -> list[Tensor]:
        """Return the views of a batch ``(B, 3, h, w)``: itself, or corners (top left, top right, bottom left, bottom
        right) and middle.
        """
        if self.count == 1:
            return [images]
        s, (height, width) = self.side, images.shape[2:]
        middle = round((height - s) / 2), round((width - s) / 2)
        places = [(0, 0), (0, width - s), (height - s, 0), (height - s, width - s), middle]
        return [images[:, :, top : top + s, left : left + s] for top, left in places]


class ViewSource:
    """A split's queries, ``count`` views each, then its database: what `vpr_runner.encoding.encode` reads.

    Args:
        split: whose images.
        views: of the queries.

    Attributes:
        failures: position and reason of each unreadable image met so far; a query's stand at all of its views.
    """

    def __init__(self, split: PlaceSplit, views: Views) -> None:
        self._queries: ImageSet = split.queries
        self._views = views
        self._database = ImageSource(split.database)
        self._first = len(split.queries) * views.count
        asked = [name for name in split.queries.names for _ in range(views.count)]
        self.names: Sequence[str] = [*asked, *split.database.names]
        self.failures: dict[int, str] = {}

    def forward(self, retriever: Retriever) -> Callable[[Tensor], Tensor]:
        """Return the whole network."""
        return retriever

    def batches(self, positions: Positions, compute: Compute) -> Iterator[Batch]:
        """Yield the views of the queries among ``positions``, each query decoded once, then the database's images."""
        where = np.asarray(positions, dtype=np.int64)
        asked, known = np.flatnonzero(where < self._first), np.flatnonzero(where >= self._first)
        yield from self._query_batches(where, asked, compute)
        for batch in self._database.batches(where[known] - self._first, compute):
            yield Batch(known[batch.rows], batch.values)
        self.failures |= {position + self._first: why for position, why in self._database.failures.items()}

    def _query_batches(
        self, where: npt.NDArray[np.int64], asked: npt.NDArray[np.int64], compute: Compute
    ) -> Iterator[Batch]:
        count = self._views.count
        queries = np.unique(where[asked] // count)
        row_of = {int(where[row]): int(row) for row in asked}
        batches = image_batches(
            [self._queries.path(int(query)) for query in queries],
            size=None,
            sizing=self._views.sizing(compute),
            batch_size=compute.batch,
            batch_pixels=compute.batch_pixels,
            max_pixels=compute.max_pixels,
            workers=compute.workers,
            on_error=compute.on_bad_image,
        )
        with closing(batches):
            for batch in batches:
                numbers = queries[batch.positions.numpy()]
                for view, images in enumerate(self._views.cut(batch.images)):
                    rows = [row_of.get(int(query) * count + view, -1) for query in numbers]
                    chosen = [place for place, row in enumerate(rows) if row >= 0]
                    if chosen:
                        values = laid_out(images[chosen].contiguous(), compute.device)
                        yield Batch(np.array([rows[place] for place in chosen], dtype=np.int64), values)
            for failed, failure in zip(batches.failed_positions, batches.failures, strict=True):
                self.failures |= {int(queries[failed]) * count + view: failure.reason for view in range(count)}

    def groups(
        self, wanted: Iterable[npt.NDArray[np.int64]], compute: Compute, *, epoch: int = 0
    ) -> Iterator[list[Batch]]:
        """Nothing trains on a test."""
        raise NotImplementedError("test methods are for evaluation only")


def nearest_of_views(found: Neighbours, views: Views) -> Neighbours:
    """Return the answers to each query of those to its views: every image once, where it is nearest.

    Args:
        found: ``(Q * count, k)``, those of a query's views one below the other; -1 is no answer.
        views: how many, and how they are weighed.

    Returns:
        ``(Q, k)``, nearest first.
    """
    queries, k = len(found.index) // views.count, found.index.shape[1]
    index = np.full((queries, k), -1, dtype=np.int64)
    distance = np.full((queries, k), np.inf, dtype=np.float32)
    for query in range(queries):
        rows = slice(query * views.count, (query + 1) * views.count)
        squared = np.where(found.index[rows] >= 0, found.distance[rows].astype(np.float64) ** 2, np.inf)
        if views.method == "maj_voting":
            squared = agreed(found.index[rows], squared, weight=views.majority_weight)
        order = np.argsort(squared, axis=None, kind="stable")
        order = order[np.isfinite(squared.flat[order])]
        images = found.index[rows].flat[order]
        _, first = np.unique(images, return_index=True)
        kept = np.sort(first)[:k]
        index[query, : len(kept)] = images[kept]
        distance[query, : len(kept)] = np.sqrt(np.maximum(squared.flat[order[kept]], 0))
    return Neighbours(distance, index)


def agreed(index: npt.NDArray[np.int64], squared: npt.NDArray[np.float64], *, weight: float) -> npt.NDArray[np.float64]:
    """Return squared distances less what agreement earns: ``weight * c / n`` for each of n in 1, 5, 10.

    ``c`` is how often an image stands among the first ``n`` answers of all views, where that is more than once; what is
    subtracted is subtracted at those places.

    Args:
        index: ``(views, k)`` database positions, nearest first.
        squared: ``(views, k)`` squared distances.
        weight: in units of a squared distance.
    """
    squared = squared.copy()
    for n in VOTES:
        images, which, counts = np.unique(index[:, :n], return_inverse=True, return_counts=True)
        earned = np.where((counts > 1) & (images >= 0), weight * counts / n, 0.0)
        squared[:, :n] -= earned[which].reshape(index[:, :n].shape)
    return squared
