"""The small network that runtimes are tried with: as ONNX, as torch module, and in float64 by hand."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn

from vpr_core.runtimes import InputContract

__all__ = ["TrialNetwork"]

Float64Array = npt.NDArray[np.float64]


class TrialNetwork:
    """uint8 images, scaled and centred, a convolution of 4 x 4 at stride 4, ReLU, mean over places, a matrix, unit
    rows.

    Args:
        size: ``(H, W)`` that it is fixed to; None: any.
        seed: of its weights.
        least: smallest ``(H, W)`` that its contract allows; the graph would take less.
    """

    dim: ClassVar[int] = 12
    _channels: ClassVar[int] = 8

    def __init__(self, *, size: tuple[int, int] | None = None, seed: int = 0, least: tuple[int, int] = (1, 1)) -> None:
        generator = np.random.default_rng(seed)
        self.size, self.least = size, least
        self.kernel = generator.normal(size=(self._channels, 3, 4, 4)).astype(np.float32) / 4
        self.bias = generator.normal(size=self._channels).astype(np.float32) / 4
        self.matrix = generator.normal(size=(self._channels, self.dim)).astype(np.float32)

    @property
    def digest(self) -> str:
        """SHA-256 of the weights and the size."""
        parts = (self.kernel.tobytes(), self.bias.tobytes(), self.matrix.tobytes(), str(self.size).encode())
        return hashlib.sha256(b"|".join(parts)).hexdigest()

    @property
    def inputs(self) -> InputContract:
        """What it takes and gives."""
        return InputContract(dtype="uint8", out_dim=self.dim, size=self.size, least=self.least)

    def reference(self, images: npt.NDArray[np.uint8]) -> Float64Array:
        """Descriptors in float64."""
        count, channels, height, width = images.shape
        scaled = images.astype(np.float64) / 127.5 - 1
        rows, columns = height // 4, width // 4
        blocks = scaled[:, :, : rows * 4, : columns * 4].reshape(count, channels, rows, 4, columns, 4)
        local = np.einsum("nirajb,oiab->norj", blocks, self.kernel.astype(np.float64))
        local = np.maximum(local + self.bias[:, None, None], 0)
        found = local.mean(axis=(2, 3)) @ self.matrix.astype(np.float64)
        return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12))

    def module(self) -> nn.Module:
        """The network in torch, in evaluation mode."""
        return _Module(self).eval()

    def write(self, path: Path) -> Path:
        """Write the network as ONNX (opset 17; batch open, height and width too unless they are fixed)."""
        onnx = pytest.importorskip("onnx", reason="a runtime that takes ONNX is tried with the package onnx")
        from onnx import TensorProto, helper, numpy_helper

        height, width = self.size or ("height", "width")
        constants: dict[str, npt.NDArray[Any]] = {
            "scale": np.asarray(127.5, np.float32),
            "one": np.asarray(1, np.float32),
            "kernel": self.kernel,
            "bias": self.bias,
            "matrix": self.matrix,
            "least": np.asarray(1e-12, np.float32),
        }
        node = helper.make_node
        graph = helper.make_graph(
            [
                node("Cast", ["images"], ["float"], to=TensorProto.FLOAT),
                node("Div", ["float", "scale"], ["scaled"]),
                node("Sub", ["scaled", "one"], ["centred"]),
                node("Conv", ["centred", "kernel", "bias"], ["local"], strides=[4, 4]),
                node("Relu", ["local"], ["positive"]),
                node("GlobalAveragePool", ["positive"], ["mean"]),
                node("Flatten", ["mean"], ["flat"]),
                node("MatMul", ["flat", "matrix"], ["raw"]),
                node("ReduceL2", ["raw"], ["length"], axes=[1], keepdims=1),
                node("Max", ["length", "least"], ["safe"]),
                node("Div", ["raw", "safe"], ["descriptors"]),
            ],
            "trial",
            [helper.make_tensor_value_info("images", TensorProto.UINT8, ["batch", 3, height, width])],
            [helper.make_tensor_value_info("descriptors", TensorProto.FLOAT, ["batch", self.dim])],
            [numpy_helper.from_array(value, name) for name, value in constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.checker.check_model(model)
        path.write_bytes(model.SerializeToString())
        return path


class _Module(nn.Module):
    def __init__(self, network: TrialNetwork) -> None:
        super().__init__()
        for name in ("kernel", "bias", "matrix"):
            self.register_buffer(name, torch.tensor(getattr(network, name)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        kernel, bias, matrix = self.get_buffer("kernel"), self.get_buffer("bias"), self.get_buffer("matrix")
        local = nn.functional.conv2d(images.float() / 127.5 - 1, kernel, bias, stride=4).relu()
        return nn.functional.normalize(local.mean(dim=(2, 3)) @ matrix, dim=1)
