#!/usr/bin/env bash
# usearch with dtype i8 ranks by the angle, whatever metric was asked for
#
# Software: usearch 2.26.6, numpy 2.4.6; CPython 3.11, Linux x86-64.
# Guess (2026-11-27, before the run): one scale for all vectors, so "ip" keeps its ranking up to rounding.
# Seen: on 500 vectors of lengths 0.2 to 3, the ten nearest by "l2sq" agree with true squared distances by 1.00 in f32
#   and by about 0.21 in i8; the i8 answer agrees with the cosine ranking by about 0.96. Same for "ip" (0.46 and
#   0.96). Each vector is scaled to the full range by its own length before it is rounded. The distances come back on
#   the scale of the codes (16,000 instead of 0.84), so a threshold in metres of descriptor space means nothing.
# Known: the documentation asks for unit vectors for "ip" (unum-cloud/USearch#585); for "l2sq" it names i8 without a
#   condition. USearch#405 is about wrong signs of i8 inner products and is closed.
# For users: PCA without renormalisation, whitened, or summed sequence descriptors lose what their length says.
# Here: descriptors are unit vectors by contract (vpr_core.types, vpr_core.runtimes), where the three rankings are the
#   same.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check "usearch==2.26.6" "numpy==2.4.6"
"$work/env/bin/python" - <<'PY'
import sys

import numpy as np
from usearch.index import Index

rng = np.random.default_rng(0)
K, N, D = 10, 500, 32
unit = rng.standard_normal((N, D))
unit /= np.linalg.norm(unit, axis=1, keepdims=True)
base = (unit * rng.uniform(0.2, 3.0, (N, 1))).astype(np.float32)
queries = rng.standard_normal((50, D))
queries = (queries / np.linalg.norm(queries, axis=1, keepdims=True)).astype(np.float32)
wide, q = base.astype(np.float64), queries.astype(np.float64)
order = {
    "l2sq": ((q[:, None] - wide[None]) ** 2).sum(2),
    "ip": -(q @ wide.T),
    "cos": -(q @ (wide / np.linalg.norm(wide, axis=1, keepdims=True)).T),
}
nearest = {name: np.argsort(value, axis=1)[:, :K] for name, value in order.items()}


def overlap(found, expected):
    return float(np.mean([len(set(a) & set(b)) / K for a, b in zip(found.tolist(), expected.tolist())]))


seen = {}
for metric in ("l2sq", "ip"):
    for dtype in ("f32", "i8"):
        index = Index(ndim=D, metric=metric, dtype=dtype)
        index.add(np.arange(N), base)
        match = index.search(queries, K, exact=True)
        keys = match.keys.astype(int)
        seen[metric, dtype] = overlap(keys, nearest[metric]), overlap(keys, nearest["cos"])
        print(f"{metric:4s} {dtype:3s}: agreement with {metric} {seen[metric, dtype][0]:.2f}, "
              f"with the cosine {seen[metric, dtype][1]:.2f}; first distance {float(match.distances[0][0]):.3f}")

for metric in ("l2sq", "ip"):
    if seen[metric, "f32"][0] < 0.99:
        sys.exit(f"changed: f32 no longer ranks by {metric}")
    own, cosine = seen[metric, "i8"]
    if own > 0.6 or cosine < 0.9:
        sys.exit(f"changed: i8 no longer replaces {metric} by the cosine")
print("as found: i8 forgets the length of every vector")
PY
