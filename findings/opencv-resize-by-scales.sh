#!/usr/bin/env bash
# OpenCV 5 computes its own scale for an ONNX Resize that states one
#
# Software: opencv-python-headless 5.0.0.93, openvino 2026.4.1, onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6; CPython
#   3.11, Linux x86-64.
# Guess (2026-11-27, before the run): onnxruntime, OpenVINO and OpenCV agree to 1e-4 whether the size or the factor is
#   given.
# Seen: a 37 x 37 table of unit normal values (the position table of a ViT-L/14 at 518). By "sizes" all agree. By
#   "scales" OpenCV is off by up to 3.4 for 0.5, where 37 becomes 18: it resamples by 18/37 instead of 0.5. Also for
#   cubic and linear at 1.61, and for the factor 23.1/37 that DINOv2 wrappers use. The operator's specification says
#   that the stated scale counts.
# Known: no report found for OpenCV (searched 2026-11-27); the tenth is added on purpose in DINOv2's code, since
#   PyTorch too uses the stated scale.
# For users: position tables of DINOv2 backbones at another image size drift against the patches, descriptors turn
#   gradually.
# Here: the runtime contract (vpr_core.testing.runtime) compares a runtime's descriptors with a reference at several
#   image sizes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check "opencv-python-headless==5.0.0.93" \
    "openvino==2026.4.1" "onnxruntime==1.32.0" "onnx==1.23.2" "numpy==2.4.6"
WORK="$work" "$work/env/bin/python" - 2>/dev/null <<'PY'
import os
import sys

import cv2
import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper, numpy_helper

path, side = os.environ["WORK"] + "/table.onnx", 37
table = np.random.default_rng(0).standard_normal((1, 4, side, side)).astype(np.float32)


def differences(mode, factor, by):
    out = int(np.floor(side * np.float32(factor)))
    value = np.array([1, 1, factor, factor], np.float32) if by == "scales" else np.array([1, 4, out, out], np.int64)
    inputs = ["x", "", "v"] if by == "scales" else ["x", "", "", "v"]
    graph = helper.make_graph(
        [helper.make_node("Resize", inputs, ["y"], mode=mode, cubic_coeff_a=-0.75)], "table",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(table.shape))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, out, out])],
        [numpy_helper.from_array(value, "v")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    model.ir_version = 10
    onnx.checker.check_model(model)
    onnx.save(model, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    network = cv2.dnn.readNetFromONNX(path)
    network.setInput(table)
    expected = session.run(None, {"x": table})[0]
    found = {"OpenVINO": np.array(compiled({"x": table})[0]), "OpenCV": network.forward().reshape(expected.shape)}
    return {name: float(np.abs(y - expected).max()) for name, y in found.items()}


bad = []
for mode in ("cubic", "linear"):
    for factor in (0.5, 23.1 / 37, 1.61):
        for by in ("sizes", "scales"):
            seen = differences(mode, factor, by)
            said = {name: f"{value:.1e}" for name, value in seen.items()}
            print(f"{mode:6s} by {by:6s} {factor:.4f}: largest difference to onnxruntime", said)
            off = seen["OpenCV"] > 0.1
            if seen["OpenVINO"] > 1e-3 or off != (by == "scales"):
                bad.append(f"{mode} by {by} {factor:.4f}")
if bad:
    print("changed: " + ", ".join(bad))
    sys.exit(1)
print("as found: the stated scale is replaced by output over input")
PY
