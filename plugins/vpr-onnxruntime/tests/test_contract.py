"""The runtime contract, in both precisions, and what int8 is calibrated on."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from vpr_core import build_registry
from vpr_core.runtimes import RuntimeRequest
from vpr_core.testing import RuntimeContract
from vpr_core.testing.runtime import images
from vpr_core.testing.runtime_network import TrialNetwork
from vpr_onnxruntime.calibration import assigning, calibrated_file, learnt, reading
from vpr_onnxruntime.session import OnnxRuntime


class TestFloat32(RuntimeContract):
    spec = build_registry(strict=True).get("runtime", "onnxruntime")


class TestInt8(RuntimeContract):
    spec = TestFloat32.spec
    parameters: ClassVar = {"precision": "int8"}
    min_cosine = 0.99


def request(folder: Path, samples: Any, **changed: Any) -> RuntimeRequest:
    network = TrialNetwork()
    (folder / "cache").mkdir(exist_ok=True)
    found = RuntimeRequest(
        model=network.write(folder / "model.onnx"),
        digest=network.digest,
        inputs=network.inputs,
        cache=folder / "cache",
        threads=1,
        samples=samples,
        samples_digest="some",
    )
    return replace(found, **changed)


def test_only_convolutions_are_in_8_bits(tmp_path: Path) -> None:
    import onnx

    runtime = OnnxRuntime(request(tmp_path, lambda: [images(4, 48, 64)]), precision="int8")
    assert runtime.calibrated is not None
    model = onnx.load_model(str(runtime.calibrated))
    weights = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    assert weights["kernel_quantized"] == onnx.TensorProto.INT8
    assert weights["matrix"] == onnx.TensorProto.FLOAT
    said = learnt(runtime.calibrated)
    assert (said["images"], runtime.describe()["calibration"]) == (4, said)


def test_calibrating_leaves_the_root_logger_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])  # a program whose handlers hang elsewhere, as those of `vpr` do
    calibrated_file(request(tmp_path, lambda: [images(2, 48, 64)]))
    assert root.handlers == [], "each later warning would be printed twice"


def test_other_images_are_another_calibration(tmp_path: Path) -> None:
    bright = request(tmp_path, lambda: [images(8, 48, 64)])
    dark = replace(bright, samples=lambda: [images(8, 48, 64) // 8], samples_digest="dark")
    one, two = (OnnxRuntime(each, precision="int8") for each in (bright, dark))
    assert one.calibrated != two.calibrated
    given = images(3, 48, 64, seed=9)
    assert np.abs(one.run(given) - two.run(given)).max() > 1e-3
    again = OnnxRuntime(replace(bright, samples=None), precision="int8")
    assert np.array_equal(again.run(given), one.run(given)), "from the cache"


def test_without_images_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="extract a map with it first"):
        OnnxRuntime(request(tmp_path, None), precision="int8")
    with pytest.raises(ValueError, match="none of those given could be read"):
        OnnxRuntime(request(tmp_path, list), precision="int8")
    assert not list((tmp_path / "cache").iterdir()), "half a calibration"


def test_a_torn_file_in_the_cache_is_made_again(tmp_path: Path) -> None:
    asked = request(tmp_path, lambda: [images(4, 48, 64)])
    file = calibrated_file(asked)
    whole = file.read_bytes()
    for torn in (b"", whole[: len(whole) // 2]):
        file.write_bytes(torn)
        assert calibrated_file(asked) == file
        assert learnt(file)["images"] == 4
    file.write_bytes(b"")
    with pytest.raises(ValueError, match="there are none here"):
        calibrated_file(replace(asked, samples=None))
    assert not file.exists()


def test_a_file_that_was_not_calibrated_here_is_refused(tmp_path: Path) -> None:
    asked = request(tmp_path, None)
    with pytest.raises(ValueError, match="was calibrated here"):
        OnnxRuntime(replace(asked, calibrated=asked.model), precision="int8")


def test_the_convolutions_that_read_pixels_and_that_assign_stay_in_float32() -> None:
    from onnx import TensorProto, helper

    node = helper.make_node
    graph = helper.make_graph(
        [
            node("Conv", ["images", "w"], ["features"], name="backbone"),
            node("Relu", ["features"], ["positive"]),
            node("Conv", ["positive", "u"], ["deeper"], name="second"),
            node("Conv", ["deeper", "v"], ["logits"], name="assignment"),
            node("Reshape", ["logits", "shape"], ["flat"]),
            node("Mul", ["flat", "alpha"], ["scaled"]),
            node("Softmax", ["scaled"], ["weights"], axis=1),
        ],
        "netvlad",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 8, 8])],
        [],
    )
    assert assigning(graph) == ["assignment"]
    assert reading(graph) == ["backbone"]
    del graph.node[1:]
    assert reading(graph) == [], "there would be nothing left"
