"""The list that the MSLS server takes: a line a query, its key first, then those of its answers, cut at blanks.

Sequences are their keys joined by commas. The benchmark's script (github.com/mapillary/mapillary_sls, ``evaluate.py``)
reads it as a table: what follows ``#`` is a remark, all lines have equally many columns, no answer and no query stands
there twice. Where a query has fewer answers than others, placeholders fill its line up, which are nobody's key.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vpr_core import UsageError
from vpr_runner.evaluation.prediction_names import names_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vpr_eval import Neighbours

__all__ = ["msls_list", "of_msls_list"]

FILLER = re.compile(r"unanswered-\d+")


def msls_list(split: Any, found: Neighbours, *, filled: bool = False) -> str:
    """Return the list of a ranking ``(Q, k)``; ``filled``: with placeholders, as the server's table wants them.

    Raises:
        UsageError: a name cannot be cut at blanks again.
    """
    queries, database = names_of(split, "queries"), names_of(split, "database")
    lines = [[queries.key(row), *(database.key(int(p)) for p in found.index[row] if p >= 0)] for row in queries.written]
    for keys in lines:
        if any(len(key.split()) != 1 or "#" in key for key in keys):
            raise UsageError(f"--predictions: a line of {keys[0]} cannot be cut at blanks again; take .csv")
    if filled:
        width = max((len(keys) for keys in lines), default=0)
        lines = [[*keys, *(f"unanswered-{n}" for n in range(1, width - len(keys) + 1))] for keys in lines]
    return "".join(f"{' '.join(keys)}\n" for keys in lines)


def of_msls_list(path: Path, lines: Iterable[tuple[int, str]]) -> dict[str, list[tuple[str, float | None]]]:
    """Return the answers of each query; see `vpr_runner.evaluation.predictions.Predictions`.

    Raises:
        UsageError: a query, or an answer in its line, stands there twice.
    """
    answers: dict[str, list[tuple[str, float | None]]] = {}
    for number, line in lines:
        query, *found = line.partition("#")[0].split() or [""]
        if not query:
            continue
        if query in answers:
            raise UsageError(f"{path}, line {number}: {query} stands there twice")
        twice = next((name for row, name in enumerate(found) if name in found[:row]), None)
        if twice is not None:
            raise UsageError(f"{path}, line {number}: names {twice} twice, which the benchmark refuses")
        answers[query] = [(name, None) for name in found if not FILLER.fullmatch(name)]
    return answers
