"""Pair lists as other tools read them.

=========  ==================================================  ==================================================
format     lines                                               read by
=========  ==================================================  ==================================================
text       ``name name``, one blank between, nothing else      hloc, and COLMAP's import of pairs (4.x)
kapture    ``query, map, score`` below two lines of comment    kapture 1.1; two columns are refused there
csv        ``first,second,score`` with a header                anything
=========  ==================================================  ==================================================

Names are relative to the image folder, with forward slashes. hloc and COLMAP cut lines at blanks, kapture at commas:
such names are refused, or renamed with a table of what was called what.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping

from vpr_core import UsageError
from vpr_runner.pairs.choose import ImagePairs

__all__ = ["FORMATS", "as_csv", "as_kapture", "as_text", "renamed", "unfit"]

_FORBIDDEN: Mapping[str, str] = {"text": " \t\n\r\f\v", "hloc": "", "kapture": ",\n\r", "csv": ""}


def unfit(names: Iterable[str], *, form: str) -> list[str]:
    """Return the names that a format cannot hold; a line that begins with ``#`` is a comment to COLMAP and kapture."""
    characters = _FORBIDDEN[form]
    return [name for name in names if any(c in name for c in characters) or (characters and name.startswith("#"))]


def renamed(names: Iterable[str], *, form: str) -> dict[str, str]:
    """Return a name that ``form`` can hold for each of ``names``, no two alike; fit names stay as they are.

    >>> renamed(["a b.jpg", "a_b.jpg", "c.jpg"], form="text")
    {'a b.jpg': 'a_b-2.jpg', 'a_b.jpg': 'a_b.jpg', 'c.jpg': 'c.jpg'}
    """
    every = list(dict.fromkeys(names))
    bad = set(unfit(every, form=form))
    taken = {name for name in every if name not in bad}
    new: dict[str, str] = {}
    for name in every:
        if name not in bad:
            new[name] = name
            continue
        plain = "".join("_" if c in _FORBIDDEN[form] else c for c in name)
        plain = f"_{plain[1:]}" if plain.startswith("#") else plain
        stem, dot, ending = plain.rpartition(".")
        number, wanted = 1, plain
        while wanted in taken:
            number += 1
            wanted = f"{stem}-{number}.{ending}" if dot else f"{plain}-{number}"
        taken.add(wanted)
        new[name] = wanted
    return new


def as_text(pairs: ImagePairs) -> str:
    """Return the list that hloc and COLMAP read.

    Raises:
        UsageError: a name has a blank.
    """
    _check(pairs, form="text", tool="hloc and COLMAP cut a line at blanks")
    return "".join(f"{first} {second}\n" for first, second in zip(pairs.first, pairs.second, strict=True))


def as_kapture(pairs: ImagePairs) -> str:
    """Return kapture's list of pairs, larger scores first for each query.

    Raises:
        UsageError: a name has a comma.
    """
    _check(pairs, form="kapture", tool="kapture cuts a line at commas")
    head = "# kapture format: 1.1\n# query_image, map_image, score\n"
    rows = zip(pairs.first, pairs.second, pairs.score.tolist(), strict=True)
    return head + "".join(f"{first}, {second}, {score:.6f}\n" for first, second, score in rows)


def as_csv(pairs: ImagePairs) -> str:
    """Return a table with a header; any name fits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["first", "second", "score"])
    rows = zip(pairs.first, pairs.second, pairs.score.tolist(), strict=True)
    writer.writerows((first, second, f"{score:.6f}") for first, second, score in rows)
    return text.getvalue()


FORMATS: dict[str, Callable[[ImagePairs], str]] = {"text": as_text, "kapture": as_kapture, "csv": as_csv}


def _check(pairs: ImagePairs, *, form: str, tool: str) -> None:
    bad = unfit([*pairs.first, *pairs.second], form=form)
    if bad:
        raise UsageError(
            f"{bad[0]!r}: {tool}, so this name cannot be written; rename the file, or add --rename, which writes a "
            "table of new names beside the list"
        )
