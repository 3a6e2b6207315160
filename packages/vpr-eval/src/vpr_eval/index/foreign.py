"""Index files of other programs: what they are, in a sentence."""

from __future__ import annotations

import re

__all__ = ["foreign_index"]

_KNOWN = (
    (re.compile(rb"I[xwBHNVb2PS][A-Za-z0-9]{2}"), "an index of faiss itself"),
    (re.compile(rb"\x93NUMPY"), "an array of numpy (.npy)"),
    (re.compile(rb"PK\x03\x04"), "a ZIP archive (.npz, .pt)"),
    (re.compile(rb"\x89HDF"), "an HDF5 file"),
    (re.compile(rb"usearch"), "an index of usearch"),
    (re.compile(rb"PAR1"), "a Parquet table"),
    (re.compile(rb"SQLite format"), "an SQLite database"),
)


def foreign_index(first: bytes) -> str:
    """Return what to say of a file that begins with ``first`` and is none of ours; empty when it looks like nothing.

    Nothing but these bytes is looked at: faiss's own reader has crashed on made-up files.
    """
    for pattern, name in _KNOWN:
        if pattern.match(first):
            return (
                f"; it looks like {name}. Such a file says neither which model made it nor whether it is whole, so "
                "it is not read here: take the descriptors it was made of (faiss: `reconstruct_n`, where it keeps "
                "them), add() them to an index of this package, and save() that"
            )
    return ""
