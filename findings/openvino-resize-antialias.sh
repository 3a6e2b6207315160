#!/usr/bin/env bash
# OpenVINO and OpenCV 5 run an antialiased ONNX Resize without antialiasing, and say nothing
#
# Software: openvino 2026.4.1, opencv-python-headless 5.0.0.93, onnxruntime 1.32.0, onnx 1.23.2, pillow 13.0.0, numpy
#   2.4.6; CPython 3.11, Linux x86-64.
# Guess (2026-11-27, before the run): onnxruntime agrees with Pillow's bilinear within one level, and so does
#   OpenVINO.
# Seen: 480 x 640 noise to 120 x 160, antialias = 1. onnxruntime equals Pillow off the border. OpenVINO and OpenCV's
#   ONNX importer differ by about 110 of 255 levels, and give bit for bit what they give with antialias = 0. Same for
#   cubic.
# Known: openvinotoolkit/openvino#35893 (open, May 2026) reports it for cubic on 2026.1; linear, which PyTorch 2.15
#   writes for F.interpolate(mode="bilinear", antialias=True), does the same. For OpenCV no report was found (searched
#   2026-11-27).
# For users: a network exported with its resize inside, the way to be safe from another library's resize, gets exactly
#   that other resize; descriptors then no longer fit the map that was made elsewhere.
# Here: a runtime is given images of the network's size (vpr_core.runtimes.InputContract); the exported network holds
#   no resize.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check "openvino==2026.4.1" \
    "opencv-python-headless==5.0.0.93" "onnxruntime==1.32.0" "onnx==1.23.2" "pillow==13.0.0" "numpy==2.4.6"
WORK="$work" "$work/env/bin/python" - 2>/dev/null <<'PY'
import os
import sys

import cv2
import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

path = os.environ["WORK"] + "/resize.onnx"
image = np.random.default_rng(0).integers(0, 255, (480, 640)).astype(np.float32)
height, width = 120, 160


def run(mode, antialias):
    size = numpy_helper.from_array(np.array([1, 1, height, width], np.int64), "size")
    node = helper.make_node("Resize", ["x", "", "", "size"], ["y"], mode=mode, antialias=antialias, cubic_coeff_a=-0.5)
    graph = helper.make_graph(
        [node], "resize",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, *image.shape])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, height, width])], [size],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    model.ir_version = 10
    onnx.checker.check_model(model)
    onnx.save(model, path)
    feed = {"x": image[None, None]}
    network = cv2.dnn.readNetFromONNX(path)
    network.setInput(feed["x"])
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return {
        "onnxruntime": session.run(None, feed)[0][0, 0],
        "OpenVINO": np.array(compiled(feed)[0])[0, 0],
        "OpenCV": network.forward().reshape(height, width),
    }


bad = []
for mode, kernel in (("linear", Image.Resampling.BILINEAR), ("cubic", Image.Resampling.BICUBIC)):
    pillow = np.asarray(Image.fromarray(image).resize((width, height), kernel))
    smooth, rough = run(mode, 1), run(mode, 0)
    for name in smooth:
        inside = float(np.abs(smooth[name] - pillow)[3:-3, 3:-3].max())
        same = bool(np.array_equal(smooth[name], rough[name]))
        print(f"{mode:6s} {name:11s}: up to {inside:6.2f} levels from Pillow; same with and without antialias: {same}")
        if name == "onnxruntime" and (inside > 0.1 or same):
            bad.append(f"onnxruntime no longer antialiases {mode}")
        if name != "onnxruntime" and (inside < 30 or not same):
            bad.append(f"{name} no longer ignores antialias of {mode}")
if bad:
    print("changed: " + "; ".join(bad))
    sys.exit(1)
print("as found: antialias = 1 is accepted and ignored")
PY
