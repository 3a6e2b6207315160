"""The runtime contract, in each precision that this processor has."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from vpr_core import build_registry
from vpr_core.cpu import cpu_features
from vpr_core.runtimes import RuntimeRequest
from vpr_core.testing import RuntimeContract
from vpr_core.testing.runtime_network import TrialNetwork
from vpr_openvino.compiled import OpenVino

BFLOAT16 = bool({"avx512_bf16", "amx_bf16"} & set(cpu_features()))
OTHERS: dict[str, object] = {"precision": ["int8"]}


class TestFloat32(RuntimeContract):
    spec = build_registry(strict=True).get("runtime", "openvino")
    parameters: ClassVar = {"precision": "float32"}
    other: ClassVar = OTHERS


class TestInt8(RuntimeContract):
    spec = TestFloat32.spec
    parameters: ClassVar = {"precision": "int8"}
    other: ClassVar = {"precision": ["float32"]}
    min_cosine = 0.99


@pytest.mark.skipif(not BFLOAT16, reason="this processor does not compute in bfloat16")
class TestBfloat16(RuntimeContract):
    spec = TestFloat32.spec
    parameters: ClassVar = {"precision": "bfloat16"}
    other: ClassVar = OTHERS
    min_cosine = 0.999
    tolerance = 1e-2


def request(folder: Path) -> RuntimeRequest:
    network = TrialNetwork()
    return RuntimeRequest(
        model=network.write(folder / "model.onnx"),
        digest=network.digest,
        inputs=network.inputs,
        cache=folder,
        threads=1,
    )


@pytest.mark.skipif(BFLOAT16, reason="this processor computes in bfloat16")
def test_a_precision_that_the_processor_lacks_is_refused(tmp_path: Path) -> None:
    """OpenVINO itself takes the hint and computes in float32."""
    with pytest.raises(ValueError, match="does not compute in bfloat16"):
        OpenVino(request(tmp_path), precision="bfloat16")


def test_auto_is_what_the_processor_is_fast_in(tmp_path: Path) -> None:
    expected = "bfloat16" if "amx_bf16" in cpu_features() else "float32"
    assert OpenVino(request(tmp_path)).precision == expected
