"""Queries with what was found for them, and whether it is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Example", "retrieval_examples"]


@dataclass(frozen=True, kw_only=True)
class Example:
    """One query and its best answers.

    Attributes:
        query: position among the queries.
        answers: database positions, best first.
        right: whether each of them is right under the protocol.
    """

    query: int
    answers: tuple[int, ...]
    right: tuple[bool, ...]

    @property
    def match(self) -> int | None:
        """The best right answer, else the best one, else None."""
        for answer, right in zip(self.answers, self.right, strict=True):
            if right:
                return answer
        return self.answers[0] if self.answers else None


def retrieval_examples(
    index: npt.NDArray[np.int64], positives: Sequence[Any], *, queries: Sequence[int], top: int
) -> list[Example]:
    """Mark the first ``top`` answers of each query.

    Args:
        index: ``(Q, k)`` rankings of the queries, best first; -1 stands for nothing found.
        positives: right database positions of each of the ``Q`` queries.
        queries: ``(Q,)`` positions of the queries in their split.
        top: answers to keep.
    """
    examples = []
    for row, right, query in zip(index, positives, queries, strict=True):
        answers = [int(position) for position in row[:top] if position >= 0]
        known = {int(position) for position in right}
        examples.append(
            Example(query=int(query), answers=tuple(answers), right=tuple(answer in known for answer in answers))
        )
    return examples
