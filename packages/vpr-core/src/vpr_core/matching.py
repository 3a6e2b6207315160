"""What crosses the border to what improves on single answers: sequence matchers and re-rankers.

Like `vpr_core.types`, structural: neither side imports the other. ``Q`` queries, ``N`` database images, ``D``
descriptor dimension, ``k`` answers a query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from vpr_core.types import Float32Array, Int64Array, Neighbours

    Features = Mapping[str, npt.NDArray[Any]]
    UInt8Array = npt.NDArray[np.uint8]

__all__ = ["DescriptorReranker", "LocalReranker", "SequenceMatcher", "SupportsEarlyStop"]


class SequenceMatcher(Protocol):
    """Finds places by several images in a row: descriptors of drives in, neighbours out."""

    def search(
        self,
        queries: Float32Array,
        database: Float32Array,
        *,
        query_drive: Int64Array,
        database_drive: Int64Array,
        k: int,
    ) -> Neighbours:
        """Return ``k`` different database positions for each query, best first.

        ``queries (Q, D)`` and ``database (N, D)`` are descriptors with unit rows. Rows with one number in
        ``query_drive (Q,)`` or ``database_drive (N,)`` belong to one drive and stand in the order of time; rows of
        other drives may stand between them. A sequence never reaches over the end of a drive.

        The answer to query ``i`` may use the queries of its drive up to ``i`` and no others: not those that come later,
        not those of other drives. So a drive's answers are the same while it is driven, alone and among others. The
        database is known beforehand: all of it may be used.

        Every query has an answer, the first of a drive too. ``distance`` float32 is the matcher's own cost, finite,
        nearest first, ties by position; ``index`` int64. Raises ``ValueError`` when ``k`` is more than there are
        descriptors, for other shapes, and for NaN or infinity.
        """
        ...


class DescriptorReranker(Protocol):
    """Reorders the answers of a search by the descriptors alone (``RerankerSpec(needs="descriptors")``)."""

    def reorder(self, queries: Float32Array, database: Float32Array, neighbours: Neighbours) -> Neighbours:
        """Return the answers of each query in a better order.

        ``queries (Q, D)`` and ``database (N, D)`` have unit rows; ``neighbours`` holds ``(Q, K)`` answers, best first.
        The result has the same positions in each row, none dropped and none new. ``distance`` float32 is the
        re-ranker's own cost, finite, best first; answers with equal cost keep the order in which they came. What comes
        out for a query depends on that query, its answers and the database, not on the other queries.
        """
        ...


class LocalReranker(Protocol):
    """Compares a query with one candidate at a time, by local evidence (``needs="images"`` or ``"maps"``).

    The host computes features once an image and keeps them on disk under a digest, asks for scores of the first answers
    in their order, and sorts: higher first, equal scores in the order in which they came, what was not scored behind.
    """

    def features(self, source: Any) -> Features:
        """Return the local features of one image: a mapping from names to numeric arrays, the same for the same image.

        Args:
            source: with ``needs="images"`` the decoded image, uint8 ``(H, W, 3)``, red first; with ``needs="maps"`` the
                backbone's feature map, float32 ``(C, h, w)``.
        """
        ...

    def score(self, query: Features, candidate: Features) -> float:
        """Return how much the two images show the same place: finite, higher is better, of these two alone.

        Features may come from disk: another object with the same arrays. Features of an image in which nothing was
        found are valid and score low.
        """
        ...


@runtime_checkable
class SupportsEarlyStop(Protocol):
    """A local re-ranker that knows when it is sure."""

    def enough(self, scores: Sequence[float]) -> bool:
        """Whether no further candidate needs a score; ``scores`` are those of the first answers, in their order."""
        ...
