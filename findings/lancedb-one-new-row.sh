#!/usr/bin/env bash
# One new row makes LanceDB's IVF_PQ distances exact; indexing that row makes them approximate again
#
# Software: lancedb 0.40.0, pylance 14.0.2, pyarrow 26.0.1, numpy 2.4.6; CPython 3.11, Linux x86-64.
# Guess (2026-11-27, before the run): rows added after the index, as exact copies of indexed rows, share the distance
#   of their originals or are within quantisation noise of it, half and half in order.
# Seen: the old rows' own distances change. 10,000 rows, 16 sub-vectors, all partitions probed. Indexed: distances are
#   those of the codes, wrong by up to 0.3; 0.73 of the first answers are the true nearest. After adding one unrelated
#   row, far away: the same ten rows, re-sorted by exact distances, 1.00 true firsts. After optimize(), which takes
#   that row into the index: the first state again.
# Known: the documentation explains refine_factor and that unindexed rows are scanned; not that their presence
#   re-scores the indexed ones (searched 2026-11-27).
# For users: recall@1 measured after appending a day's images is not the recall@1 after the nightly optimize(), and a
#   threshold on the distance accepts other places.
# Here: the index contract (vpr_core.testing.index) asks for true distances, which such an index meets in one state
#   and not in the other.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    "lancedb==0.40.0" "pylance==14.0.2" "pyarrow==26.0.1" "numpy==2.4.6"
WORK="$work" "$work/env/bin/python" - <<'PY'
import os
import sys

import lancedb
import numpy as np
import pyarrow as pa
from lancedb.index import IvfPq

D, K = 64, 10
rng = np.random.default_rng(0)


def unit(x):
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def rows(vectors, first):
    return pa.table({
        "id": pa.array(range(first, first + len(vectors))),
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), D),
    })


centre = rng.standard_normal((2000, D))
base = unit(np.repeat(centre, 5, axis=0) + 0.6 * rng.standard_normal((10000, D)))
queries = unit(centre[:100] + 0.6 * rng.standard_normal((100, D)))
exact = ((queries[:, None].astype(np.float64) - base[None]) ** 2).sum(2)
nearest = np.argsort(exact, axis=1)[:, :K]
table = lancedb.connect(os.environ["WORK"] + "/db").create_table("t", rows(base, 0))
table.create_index("vector", config=IvfPq(distance_type="l2", num_partitions=4, num_sub_vectors=16))


def measure(state):
    first, error = [], []
    for q, x in enumerate(queries):
        answer = table.search(x).nprobes(4).limit(K).to_list()
        first.append(answer[0]["id"] == nearest[q, 0])
        error += [abs(a["_distance"] - exact[q, a["id"]]) for a in answer if a["id"] < len(base)]
    unindexed = table.index_stats(table.list_indices()[0].name).num_unindexed_rows
    print(f"{state:14s}: {unindexed} unindexed, first answer is the nearest {np.mean(first):.2f}, "
          f"largest error of a distance {max(error):.5f}")
    return float(np.mean(first)), max(error)


before = measure("indexed")
table.add(rows(np.full((1, D), 10.0, dtype=np.float32), 10000))
mixed = measure("one row added")
table.optimize()
after = measure("optimised")

if mixed[1] > 1e-4 or mixed[0] < before[0] + 0.1:
    sys.exit("changed: a new row no longer makes the old answers exact")
if before[1] < 0.01 or after[1] < 0.01 or after[0] > mixed[0] - 0.1:
    sys.exit("changed: indexed answers are exact by themselves now")
print("as found: one row outside the index re-scores everything inside")
PY
