#!/usr/bin/env bash
# gpxpy's location at a time is the next fix, however far ahead
#
# Software: gpxpy 1.6.2; CPython 3.11.
# Guess (2026-11-27, before the run): linear interpolation between the two fixes around the time (the docstring says
#   approximate), or the nearest of them.
# Seen: fixes every 10 s, 150 m apart (54 km/h). One second after a fix get_location_at answers the fix that comes
#   nine seconds later, 135 m ahead, with that fix's time. The answer is never the nearer fix unless that is the later
#   one. At a fix it answers that fix, outside the track an empty list.
# Known: the docstring promises an approximate location and notes that it is for now a point "in the future", without
#   saying how far.
# For users: images geotagged so are shifted along the road by half the interval on average, always forwards: more
#   than the 25 m that decide about a positive.
# Here: tracks are read and interpolated by vpr_data.tables.gpx; gpxpy is not used.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check "gpxpy==1.6.2"
"$work/env/bin/python" - <<'PY'
import sys
from datetime import datetime, timedelta, timezone

from gpxpy.gpx import GPX, GPXTrack, GPXTrackPoint, GPXTrackSegment

STEP = 0.00135  # degrees of latitude, 150 m
start = datetime(2026, 5, 1, 10, tzinfo=timezone.utc)
segment = GPXTrackSegment([GPXTrackPoint(48 + STEP * i, 11, time=start + timedelta(seconds=10 * i)) for i in range(5)])
track, gpx = GPXTrack(), GPX()
track.segments.append(segment)
gpx.tracks.append(track)

seen = {}
for second in (0, 1, 4, 9, 10, 11, 40, 41):
    answer = gpx.get_location_at(start + timedelta(seconds=second))
    metres = [(point.latitude - 48) / STEP * 150 for point in answer]
    seen[second] = round(metres[0]) if metres else None
    print(f"{second:3d} s: driven {15 * second} m, answered {seen[second]} m")

if seen != {0: 0, 1: 150, 4: 150, 9: 150, 10: 150, 11: 300, 40: 600, 41: None}:
    sys.exit("changed: get_location_at no longer answers the next fix")
print("as found: up to a whole interval ahead, never between")
PY
