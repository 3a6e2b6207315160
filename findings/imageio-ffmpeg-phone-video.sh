#!/usr/bin/env bash
# imageio's ffmpeg reader invents frames in a phone's video, and its rate dates them 14 s late
#
# Software: imageio-ffmpeg 0.8.1, imageio 2.38.1, av 18.1.0, opencv-python-headless 5.0.0.93, pillow 13.0.0, numpy
#   2.4.6; CPython 3.11, Linux x86-64.
# Guess (2026-11-27, before the run): PyAV, OpenCV and imageio-ffmpeg all hand out each stored frame once.
# Seen: 60 frames of variable rate (33 and 50 ms, one gap of 2 s, as a phone records in poor light). PyAV and OpenCV:
#   60. imageio_ffmpeg.read_frames and imageio's FFMPEG plugin: 257, the gaps filled with copies, although
#   count_frames_and_secs says (60, 4.28) and the metadata says 13.99 frames a second. Dating frame i with i / fps
#   puts the last at 18.3 s of a video of 4.3 s.
# Known: imageio/imageio#176 asks for variable rate and is closed; imageio#949 (open) is about the wrong rate. That
#   frames are repeated is said in neither documentation (searched 2026-11-27).
# For users: frames are paired with a GPS track by time. Copies also are what breaks HNSW maps
#   (hnsw-standing-robot.sh).
# Here: frames are read with PyAV, each with its stored time (vpr_data.images.video).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check "imageio-ffmpeg==0.8.1" "imageio==2.38.1" \
    "av==18.1.0" "opencv-python-headless==5.0.0.93" "pillow==13.0.0" "numpy==2.4.6"
WORK="$work" "$work/env/bin/python" - <<'PY'
import os
import sys
from fractions import Fraction

import av
import cv2
import imageio.v3 as iio
import imageio_ffmpeg
import numpy as np

path = os.environ["WORK"] + "/phone.mp4"
millisecond, time, times = Fraction(1, 1000), 0, []
with av.open(path, "w") as container:
    stream = container.add_stream("libx264", rate=30)
    stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
    stream.codec_context.time_base = millisecond
    for number in range(60):
        frame = av.VideoFrame.from_ndarray(np.full((240, 320, 3), 4 * number, np.uint8), format="rgb24")
        frame.pts, frame.time_base = time, millisecond
        times.append(time / 1000)
        time += 2000 if number == 29 else 33 if number % 3 else 50
        container.mux(stream.encode(frame))
    container.mux(stream.encode())

with av.open(path) as container:
    stored = [frame.time for frame in container.decode(video=0)]
capture, by_opencv = cv2.VideoCapture(path), 0
while capture.read()[0]:
    by_opencv += 1
reader = imageio_ffmpeg.read_frames(path)
meta = next(reader)
by_ffmpeg = sum(1 for _ in reader)
by_plugin = sum(1 for _ in iio.imiter(path, plugin="FFMPEG"))
counted = imageio_ffmpeg.count_frames_and_secs(path)
late = (by_ffmpeg - 1) / meta["fps"] - stored[-1]
print(f"written 60 frames, the last at {times[-1]:.2f} s")
print(f"PyAV {len(stored)} frames, the last at {stored[-1]:.2f} s; OpenCV {by_opencv}")
print(f"imageio-ffmpeg {by_ffmpeg}, imageio's FFMPEG plugin {by_plugin}; its own count {counted}, fps {meta['fps']}")
print(f"dated by i / fps the last frame is {late:.1f} s late")

if (len(stored), by_opencv) != (60, 60):
    sys.exit("changed: PyAV or OpenCV no longer give the stored frames")
if by_ffmpeg < 120 or by_plugin != by_ffmpeg or counted[0] != 60 or late < 5:
    sys.exit("changed: the ffmpeg reader no longer repeats frames of a variable rate")
print("as found: four times as many frames as were recorded")
PY
