"""Loops as other tools read them.

=============  ====================================================================================================
``loops.csv``  a row a loop: names, numbers, times, distance, support, and whether it is right where that is known
``loops.txt``  TUM-style pairs, ``time time distance`` a line, seconds, the earlier image second; ``#`` comments
``loops.g2o``  ``EDGE_SE3:QUAT`` from the earlier image to the later, vertices are image numbers; says "one place"
=============  ====================================================================================================
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from vpr_runner.files.spreadsheet import as_text
from vpr_runner.loops.rules import LoopCandidate

__all__ = ["as_csv", "as_g2o", "as_tum"]


def as_csv(loops: Sequence[LoopCandidate], names: Sequence[str], right: Sequence[bool | None]) -> str:
    """Return the table; ``names`` are those of the images by number, ``right`` belongs to ``loops``."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["query", "match", "query_number", "match_number", "query_time", "match_time", "distance", "support", "right"]
    )
    for loop, known in zip(loops, right, strict=True):
        writer.writerow(
            [
                as_text(names[loop.query]),
                as_text(names[loop.match]),
                loop.query,
                loop.match,
                _seconds(loop.query_time),
                _seconds(loop.match_time),
                f"{loop.distance:.6f}",
                loop.support,
                "" if known is None else str(known).lower(),
            ]
        )
    return text.getvalue()


def as_tum(loops: Sequence[LoopCandidate]) -> str:
    """Return pairs of time stamps."""
    head = "# query_time match_time distance\n"
    return head + "".join(
        f"{_seconds(loop.query_time)} {_seconds(loop.match_time)} {loop.distance:.6f}\n" for loop in loops
    )


def as_g2o(loops: Sequence[LoopCandidate], *, within: float) -> str:
    """Return edges of a pose graph that say no more than is known: the two images stand within ``within`` metres.

    The measurement is the identity; the information is ``1 / within^2`` for the three translations and 0 for the three
    rotations, of which appearance says nothing. A geometric check gives better ones.
    """
    sure = 1 / within**2
    rows = [[sure if row == column < 3 else 0.0 for column in range(row, 6)] for row in range(6)]
    information = " ".join(f"{value:g}" for row in rows for value in row)
    lines = ["# EDGE_SE3:QUAT earlier later x y z qx qy qz qw information; vertices are image numbers"]
    for loop in loops:
        lines.append(f"# times {_seconds(loop.match_time)} {_seconds(loop.query_time)} distance {loop.distance:.6f}")
        lines.append(f"EDGE_SE3:QUAT {loop.match} {loop.query} 0 0 0 0 0 0 1 {information}")
    return "\n".join(lines) + "\n"


def _seconds(value: float) -> str:
    """Microseconds; nanoseconds since 1970 do not fit a float64.

    >>> _seconds(1305031102.175304), _seconds(0.5)
    ('1305031102.175304', '0.500000')
    """
    return f"{value:.6f}"
