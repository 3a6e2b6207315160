#!/usr/bin/env bash
# recall@1 of pytrec_eval depends on what the images are called
#
# Software: pytrec-eval-terrier 0.5.11, numpy 2.4.6; CPython 3.11, Linux x86-64.
# Guess (2026-11-27, before the run): scores are doubles, so differences of 1e-8 count and the order is kept.
# Seen: two images at distances 812.40001 (right) and 812.40003 (wrong). Named "a" and "z", success@1 is 0; named "z"
#   and "a", it is 1. Scores become float32 inside, both round to one number, and ties go to the name that sorts last.
#   With counts of inliers capped at 16, where ties are the rule, over 200 queries of ten candidates each: success@1
#   is 1.00 when the right image has the largest easting in its name and 0.20 when the smallest.
# Known: that trec_eval breaks ties by descending name is folklore of text retrieval; neither the wrapper's README nor
#   its docstrings say so or name float32.
# For users: databases are named by position, so ties go to the east or to the latest sequence: a bias, not noise.
# Here: recall ranks by distance and breaks ties by row (test_ties_by_position of the index contract).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check "pytrec-eval-terrier==0.5.11" "numpy==2.4.6"
"$work/env/bin/python" - <<'PY'
import sys

import numpy as np
import pytrec_eval


def success(truth, run):
    per_query = pytrec_eval.RelevanceEvaluator(truth, {"success_1"}).evaluate(run)
    return float(np.mean([query["success_1"] for query in per_query.values()]))


pair = {}
for right, wrong in (("a", "z"), ("z", "a")):
    pair[right] = success({"q": {right: 1}}, {"q": {right: -812.40001, wrong: -812.40003}})
    print(f"right image called {right!r}, wrong one {wrong!r}: success@1 {pair[right]:.0f}")

rng = np.random.default_rng(0)
inliers = np.minimum(rng.poisson(12, (200, 10)), 16)
right = rng.integers(0, 10, 200)
inliers[np.arange(200), right] = 16
order = {}
for label, names in (
    ("right image furthest east", lambda q: [f"@{584000 + (i == right[q]) * 900 + i:07d}.00@" for i in range(10)]),
    ("right image furthest west", lambda q: [f"@{584000 + (i != right[q]) * 900 + i:07d}.00@" for i in range(10)]),
):
    truth = {str(q): {names(q)[right[q]]: 1} for q in range(200)}
    run = {str(q): dict(zip(names(q), inliers[q].astype(float).tolist())) for q in range(200)}
    order[label] = success(truth, run)
    print(f"same inlier counts, {label}: success@1 {order[label]:.3f}")

if pair != {"a": 0.0, "z": 1.0}:
    sys.exit("changed: names no longer decide between scores that differ by 2e-5")
if order["right image furthest east"] - order["right image furthest west"] < 0.1:
    sys.exit("changed: names no longer decide ties")
print("as found: the alphabet ranks what float32 cannot tell apart")
PY
