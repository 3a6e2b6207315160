"""The int8 variant as a file of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vpr_core import UsageError
from vpr_runner.encoding.int8_export import export_int8
from vpr_runner.exporting.onnx_file import described
from vpr_runner.exporting.stored import exported_network
from vpr_runner.network.architecture import Architecture


@pytest.fixture(autouse=True)
def _plugin(exported: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "onnxruntime" not in {spec.name for spec in exported.registry.specs("runtime")}:
        pytest.skip("vpr-onnxruntime is not installed")
    monkeypatch.setenv("VPR_CACHE", str(tmp_path / "cache"))


def test_it_is_near_and_says_what_it_was_learnt_from(exported: Any, tmp_path: Path) -> None:
    import onnx

    file = tmp_path / "int8.onnx"
    parity = export_int8(
        exported.retriever,
        Architecture.of(exported.config),
        exported.registry,
        compute=exported.config.compute,
        onnx=file,
        photos=exported.photos,
    )
    assert 0.95 <= parity.cosine < 1
    assert parity.real == parity.images == 8
    found = described(file)
    assert (found.precision, found.variant["images"]) == ("int8", len(exported.photos))
    assert found.fingerprint == described(exported.file).fingerprint
    model = onnx.load_model(str(file))
    weights = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    scales = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
    kinds = [weights.get(scales.get(node.input[1], node.input[1])) for node in convolutions]
    assert onnx.TensorProto.INT8 in kinds[1:]
    assert kinds[0] == onnx.TensorProto.FLOAT, "what reads the pixels"
    network, config = exported_network(file, exported.registry)
    assert network.precision == "int8"
    from vpr_runner.encoding.execution import execution_of

    execution = execution_of(network, Architecture.of(config), exported.registry, compute=config.compute, images=None)
    assert execution is not None
    assert execution.identity == "onnxruntime int8"
    given = torch.from_numpy(np.random.default_rng(0).integers(0, 255, size=(2, 3, 61, 70), dtype=np.uint8))
    assert execution(given).shape == (2, exported.retriever.out_dim)


def test_without_photos_it_says_what_is_missing(exported: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name some with --images DIR"):
        export_int8(
            exported.retriever,
            Architecture.of(exported.config),
            exported.registry,
            compute=exported.config.compute,
            onnx=tmp_path / "int8.onnx",
            photos=[],
        )
