#!/usr/bin/env bash
# evo pairs several estimates with one and the same reference pose
#
# Software: evo 1.38.1, numpy 2.4.6; CPython 3.11.
# Guess (2026-11-27, before the run): association is one to one.
# Seen: 20 keyframes at irregular times in 20 s against one reference pose a second, max_diff 0.6 s: 20 pairs, but
#   only 13 different reference poses; some serve three estimates. One to one (greedy by time difference, as TUM's
#   script) there are 14 pairs.
# Known: the docstring says "best matching timestamps" and "both have the same number of poses"; reuse is not
#   mentioned.
# For users: a place recogniser that answers in bursts is compared with a vehicle that stands still between jumps; the
#   error of up to max_diff times the speed goes into the result, relative errors see zero motion.
# Here: a photo's position is interpolated at its own time, or it has none (vpr_data.tables.along_track).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check "evo==1.38.1" "numpy==2.4.6"
HOME="$work" "$work/env/bin/python" - <<'PY'
import sys

import numpy as np
from evo.core import sync
from evo.core.trajectory import PoseTrajectory3D


def straight(times):
    """One metre a second along x."""
    times = np.asarray(times, dtype=float)
    return PoseTrajectory3D(np.c_[times, 0 * times, 0 * times], np.tile([1.0, 0, 0, 0], (len(times), 1)), times)


LIMIT = 0.6
keyframes = np.sort(np.random.default_rng(0).uniform(0, 19, 20))
seconds = np.arange(20.0)
reference, estimate = sync.associate_trajectories(straight(seconds), straight(keyframes), max_diff=LIMIT)
values, counts = np.unique(reference.timestamps, return_counts=True)
still = int((np.diff(reference.positions_xyz[:, 0]) == 0).sum())
gap = np.abs(seconds[:, None] - keyframes[None])
taken, rows, columns = 0, set(), set()
for flat in np.argsort(gap, axis=None):
    row, column = np.unravel_index(flat, gap.shape)
    if gap[row, column] <= LIMIT and row not in rows and column not in columns:
        taken, rows, columns = taken + 1, rows | {row}, columns | {column}
print(f"{len(keyframes)} estimates, {len(seconds)} reference poses: evo makes {reference.num_poses} pairs")
print(f"different reference poses in them: {len(values)}; the busiest serves {counts.max()}; still steps: {still}")
print(f"one to one there are {taken} pairs")

if reference.num_poses != estimate.num_poses or len(values) == reference.num_poses:
    sys.exit("changed: association is one to one now")
if counts.max() < 2 or taken >= reference.num_poses:
    sys.exit("changed: reference poses are no longer reused")
print("as found: one reference pose serves several estimates")
PY
