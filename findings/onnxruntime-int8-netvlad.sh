#!/usr/bin/env bash
# onnxruntime's static int8 ruins a NetVLAD head, and its finer settings do not help
#
# Software: onnxruntime 1.32.0, onnx 1.23.2, sympy 1.14.0, pillow 13.0.0, numpy 2.4.6; CPython 3.11, Linux x86-64.
# Guess (2026-11-27, before the run): cosine to the float network above 0.98 for the static form, above 0.99 for the
#   dynamic one.
# Seen: two convolutions with random weights and NetVLAD (K 16, D 32, alpha 10), calibrated on 40 of 60 images, two
#   views of 30 places. quantize_static as it comes: mean cosine 0.96, recall@1 1.00 -> 0.80. per_channel: no better
#   (0.73 here). Entropy calibration: the same numbers as MinMax. Percentile: refuses (its histogram cannot split the
#   range). Only the convolutions quantised (op_types_to_quantize=["Conv"]): 0.9999 and 1.00. quantize_dynamic: 0.9999
#   and 1.00.
# Known: the guide on quantisation speaks of accuracy in general; not that normalisation and residuals are quantised
#   with one scale a tensor by default (searched 2026-11-27).
# For users: one scale for all clusters' residuals erases the small ones, which intra-normalisation blows up: their
#   direction is rounding. The convolutions, where the time goes, are not the problem.
# Here: the runtime contract (vpr_core.testing.runtime) asks for a smallest cosine to the float network.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    "onnxruntime==1.32.0" "onnx==1.23.2" "sympy==1.14.0" "pillow==13.0.0" "numpy==2.4.6"
WORK="$work" OMP_NUM_THREADS=1 "$work/env/bin/python" - 2>/dev/null <<'PY'
import contextlib
import io
import logging
import os
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from PIL import Image

logging.disable(logging.CRITICAL)
root, DIM, CLUSTERS, PLACES = os.environ["WORK"], 32, 16, 30
rng = np.random.default_rng(0)


def network():
    first = (rng.standard_normal((32, 3, 5, 5)) * 0.15).astype(np.float32)
    second = (rng.standard_normal((DIM, 32, 3, 3)) * 0.08).astype(np.float32)
    c = rng.standard_normal((CLUSTERS, DIM)).astype(np.float32)
    c /= np.linalg.norm(c, axis=1, keepdims=True)
    values = {
        "w1": first, "w2": second, "w": (20 * c)[:, :, None, None], "c": c[None], "to_s": np.array([0, CLUSTERS, -1]),
        "to_f": np.array([0, DIM, -1]), "axis1": np.array([1]), "axis2": np.array([2]), "eps": np.float32(1e-12),
    }
    node = helper.make_node

    def norm(source, target, axis):
        return [node("ReduceL2", [source, f"axis{axis}"], [target + "_n"], keepdims=1),
                node("Clip", [target + "_n", "eps"], [target + "_c"]), node("Div", [source, target + "_c"], [target])]

    nodes = [
        node("Conv", ["x", "w1"], ["h1"], strides=[2, 2]), node("Relu", ["h1"], ["h2"]),
        node("Conv", ["h2", "w2"], ["h3"], strides=[2, 2]), *norm("h3", "f", 1), node("Conv", ["f", "w"], ["s4"]),
        node("Reshape", ["s4", "to_s"], ["s"]), node("Softmax", ["s"], ["a"], axis=1),
        node("Reshape", ["f", "to_f"], ["f3"]), node("Transpose", ["f3"], ["ft"], perm=[0, 2, 1]),
        node("MatMul", ["a", "ft"], ["af"]),
        node("ReduceSum", ["a", "axis2"], ["mass"], keepdims=1), node("Mul", ["mass", "c"], ["ac"]),
        node("Sub", ["af", "ac"], ["v"]), *norm("v", "vn", 2), node("Flatten", ["vn"], ["flat"]), *norm("flat", "y", 1),
    ]
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["b", 3, "h", "w_"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["b", CLUSTERS * DIM])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    onnx.checker.check_model(model)
    onnx.save(model, f"{root}/float.onnx")


def views(place):
    own = np.random.default_rng(place)
    noise = own.integers(0, 255, (12, 16, 3), dtype=np.uint8)
    scene = np.asarray(Image.fromarray(noise).resize((96, 72), Image.Resampling.BICUBIC), np.float32)
    return np.stack([((scene + own.normal(0, 8, scene.shape)) / 255 - 0.45) / 0.23 for _ in range(2)])


images = np.concatenate([views(place) for place in range(PLACES)]).transpose(0, 3, 1, 2).astype(np.float32)


class Calibration(CalibrationDataReader):
    def __init__(self):
        self.batches = iter([{"x": images[i : i + 4]} for i in range(0, 40, 4)])

    def get_next(self):
        return next(self.batches, None)


def describe(name):
    session = onnxruntime.InferenceSession(f"{root}/{name}.onnx", providers=["CPUExecutionProvider"])
    return session.run(None, {"x": images})[0]


def recall(y):
    return float(((y[0::2] @ y[1::2].T).argmax(1) == np.arange(PLACES)).mean())


network()
plain = describe("float")
print(f"float: recall@1 {recall(plain):.2f}")
seen = {}


def measure(name, quantise, **options):
    with contextlib.redirect_stdout(io.StringIO()):
        quantise(f"{root}/float.onnx", f"{root}/int8.onnx", **options)
    y = describe("int8")
    seen[name] = float((y * plain).sum(1).mean()), recall(y)
    print(f"{name:24s} mean cosine {seen[name][0]:.4f}, recall@1 {seen[name][1]:.2f}")


measure("static", quantize_static, calibration_data_reader=Calibration())
measure("static, per channel", quantize_static, calibration_data_reader=Calibration(), per_channel=True)
entropy = {"calibrate_method": CalibrationMethod.Entropy}
measure("static, entropy", quantize_static, calibration_data_reader=Calibration(), **entropy)
measure("static, Conv only", quantize_static, calibration_data_reader=Calibration(), op_types_to_quantize=["Conv"])
measure("dynamic", quantize_dynamic, weight_type=QuantType.QUInt8)

if recall(plain) < 0.99 or min(seen["static, Conv only"][0], seen["dynamic"][0]) < 0.999:
    print("changed: the float network or the quantised convolutions are off")
    sys.exit(1)
if any(seen[name][0] > 0.98 for name in ("static", "static, per channel", "static, entropy")):
    print("changed: static quantisation of the whole network keeps NetVLAD now")
    sys.exit(1)
print("as found: the head, not the convolutions, pays for int8")
PY
