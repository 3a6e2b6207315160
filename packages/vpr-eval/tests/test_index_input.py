"""What an index refuses, and in which words; the same under ``python -O``."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vpr_eval import FlatIndex, HNSWIndex, IVFPQIndex, IVFSQIndex, check_fingerprint, search_exact

GOOD = np.eye(4, dtype=np.float32)


def bad(value, row=2, column=1):
    rows = GOOD.copy()
    rows[row, column] = value
    return rows


CASES = [
    (bad(np.nan), "l2", "row 2 has nan in column 1 (1 of 4 rows are not finite)"),
    (bad(-np.inf), "l2", "row 2 has -inf in column 1"),
    (bad(3e18), "l2", "row 2 has a norm above 1e+18"),
    (bad(3e38), "l2", "row 2 has a norm above 1e+18, squares of which overflow"),
    (bad(1.0), "ip", "row 2 has norm 1.414 (1 of 4 rows are not of norm 1 within 0.001)"),
    (np.zeros((1, 4), dtype=np.float32), "ip", "row 0 has norm 0 "),
    (np.eye(5, dtype=np.float32), "l2", "dimension 5, the database has 4"),
    (np.ones(4, dtype=np.float32), "l2", "shape (4,), must be (N, D); one descriptor alone is `x[None]`"),
    (np.eye(4), "l2", "type float64, must be float32; convert with `.astype(np.float32)`"),
    (np.eye(4, dtype=np.int64), "l2", "type int64, must be float32"),
    (np.eye(4, dtype=object), "l2", "type object, must be float32"),
    ([[1.0, 0, 0, 0]], "l2", "must be a numpy array, got list"),
]


@pytest.mark.parametrize("make", [FlatIndex, HNSWIndex, IVFSQIndex], ids=lambda kind: kind.kind)
@pytest.mark.parametrize(("rows", "metric", "message"), CASES, ids=[case[2][:30] for case in CASES])
def test_add_and_search_refuse_before_the_engine(make, rows, metric, message):
    index = make(dim=4, metric=metric)
    with pytest.raises((ValueError, TypeError), match="descriptors: .*" + re.escape(message)):
        index.add(rows)
    assert len(index) == 0
    index.add(GOOD)
    with pytest.raises((ValueError, TypeError), match="queries: .*" + re.escape(message)):
        index.search(rows, 1)
    streamed = message.replace("must be float32", "must be float32 or float16")
    with pytest.raises((ValueError, TypeError), match="queries: .*" + re.escape(streamed)):
        search_exact(rows, GOOD, 1, metric=metric)


def test_row_numbers_count_what_was_added_before():
    index = FlatIndex(dim=4)
    index.add(GOOD)
    with pytest.raises(ValueError, match="descriptors: row 6 has nan"):
        index.add(bad(np.nan))
    with pytest.raises(ValueError, match="database: row 6 has nan"):
        search_exact(GOOD, np.concatenate([GOOD, bad(np.nan)]), 1, block=3)


@pytest.mark.parametrize(
    ("k", "error", "message"),
    [
        (5, ValueError, "k: 5 neighbours asked of a database of 4 descriptors; ask for at most 4"),
        (0, ValueError, "k: must be at least 1, got 0"),
        (2.0, TypeError, "k: must be an integer, got 2.0 of type float"),
        (True, TypeError, "k: must be an integer, got True"),
    ],
)
def test_k_is_checked(k, error, message):
    index = FlatIndex(dim=4)
    index.add(GOOD)
    for search in (lambda: index.search(GOOD, k), lambda: search_exact(GOOD, GOOD, k)):
        with pytest.raises(error, match=re.escape(message)):
            search()


def test_an_empty_index_says_so():
    with pytest.raises(ValueError, match="k: the database is empty"):
        FlatIndex(dim=4).search(GOOD, 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FlatIndex(dim=0), "dim: must be at least 1, got 0"),
        (lambda: FlatIndex(dim=4, metric="cosine"), 'metric: "cosine" is unknown; choose "l2"'),
        (lambda: HNSWIndex(dim=4, links=1), "links: must be from 2 to 512, got 1"),
        (lambda: IVFSQIndex(dim=4, lists=0), "lists: must be at least 1"),
        (lambda: IVFSQIndex(dim=4, code="int4"), "code: 'int4' is unknown"),
        (lambda: IVFPQIndex(dim=12, parts=5), "parts: 5 does not divide the dimension 12; these do: 4, 2, 1"),
        (lambda: IVFPQIndex(dim=4, parts=8), "parts: must be from 1 to 4, got 8"),
        (
            lambda: check_fingerprint("a", "b", where="path: x"),
            "made by model 'a', but these descriptors come from model 'b'",
        ),
        (lambda: search_exact(GOOD, GOOD, 1, block=0), "block: must be at least 1"),
    ],
)
def test_options_are_checked(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


def test_fingerprints_nobody_gave_are_not_compared():
    check_fingerprint(None, "b", where="x")
    check_fingerprint("a", None, where="x")
    check_fingerprint("a", "a", where="x")


SCRIPT = """
import numpy as np
from vpr_eval import FlatIndex, HNSWIndex, IVFSQIndex
assert False, "asserts are on"
rows = np.eye(4, dtype=np.float32)
for make in (FlatIndex, HNSWIndex, IVFSQIndex):
    index = make(dim=4)
    index.add(rows)
    for attempt in (
        lambda: index.add(np.eye(5, dtype=np.float32)),
        lambda: index.search(np.eye(5, dtype=np.float32), 1),
        lambda: index.add(np.full((1, 4), np.nan, dtype=np.float32)),
        lambda: index.search(rows, 9),
        lambda: make(dim=4, metric="ip").add(2 * rows),
    ):
        try:
            attempt()
        except ValueError as error:
            print(type(error).__name__, str(error)[:40])
        else:
            print("accepted")
"""


def test_messages_do_not_vanish_under_optimisation():
    done = subprocess.run(
        [sys.executable, "-O", "-c", SCRIPT],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 15
    assert all(line.startswith("ValueError ") for line in lines), lines
    assert "dimension 5" in lines[0]
