"""What bash cuts off a word, put back: it takes ``--set train.lr=0.1`` for four words.

Bash ends words at ``=`` and ``:`` when it completes (``COMP_WORDBREAKS``), and replaces only the last piece by what it
is given. Typer passes its pieces on as they are, so that a value after ``=`` would be completed as an argument of its
own.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, redirect_stdout

__all__ = ["put_together", "rejoin", "whole_words"]

_BREAKS = frozenset("=:")


@contextmanager
def whole_words(environment: MutableMapping[str, str]) -> Iterator[None]:
    """Let Typer answer bash by whole words while the block runs; nothing happens unless bash asks for completions."""
    if environment.get("_VPR_COMPLETE") != "complete_bash" or not environment.get("COMP_CWORD", "").isdecimal():
        yield
        return
    words, at, head = put_together(environment.get("COMP_WORDS", "").split("\n"), int(environment["COMP_CWORD"]))
    environment.update({"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(at)})
    said = io.StringIO()
    try:
        with redirect_stdout(said):
            yield
    finally:
        sys.stdout.write("".join(f"{rejoin(line, head)}\n" for line in said.getvalue().splitlines()))


def put_together(words: list[str], at: int) -> tuple[list[str], int, str]:
    """Return the words as they were typed, the number of the one under the cursor, and what of it bash keeps.

    Args:
        words: bash's pieces.
        at: number of the piece under the cursor.

    >>> put_together(["vpr", "train", "--set", "train.lr", "=", "0.1", "-q"], 5)
    (['vpr', 'train', '--set', 'train.lr=0.1', '-q'], 3, 'train.lr=')
    >>> put_together(["vpr", "train", "--set", "train.lr", "="], 4)
    (['vpr', 'train', '--set', 'train.lr='], 3, 'train.lr=')
    """
    whole: list[str] = []
    found, head = len(words), ""
    glued = False
    for number, piece in enumerate(words):
        breaks = bool(piece) and set(piece) <= _BREAKS
        if whole and (breaks or glued):
            if number == at:
                head = whole[-1] + (piece if breaks else "")
            whole[-1] += piece
        else:
            whole.append(piece)
        if number == at:
            found = len(whole) - 1
        glued = breaks
    return whole, min(found, len(whole)), head


def rejoin(candidate: str, head: str) -> str:
    """Return what bash shall put in the place of its last piece.

    >>> rejoin("train.lr=0.1", "train.lr="), rejoin("train.lr=0.1", "--set="), rejoin("train.lr=0.1", "--set=train.lr=")
    ('0.1', 'train.lr=0.1', '0.1')
    """
    for kept in (head, head.partition("=")[2]):
        if kept and candidate.startswith(kept):
            return candidate.removeprefix(kept)
    return candidate
