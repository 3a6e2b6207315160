"""A module as others run it: exported by torch, and by way of ONNX in onnxruntime."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

__all__ = ["export_with_open_sizes", "has_onnxruntime", "in_onnxruntime"]

Call = Callable[[Sequence[Tensor]], Tensor]


def export_with_open_sizes(module: nn.Module, inputs: Sequence[Tensor], *, open_maps: bool = True) -> ExportedProgram:
    """Export ``module``, made for inputs of any batch size, and maps ``(B, C, h, w)`` of any size if ``open_maps``.

    Raises:
        Exception: whatever torch raises where the module can only be exported for the sizes of ``inputs``.
    """
    sizes: list[dict[int, Any]] = [
        dict.fromkeys((0, 2, 3) if open_maps and given.dim() == 4 else (0,), Dim.DYNAMIC) for given in inputs
    ]
    return torch.export.export(module, tuple(inputs), dynamic_shapes=tuple(sizes))


def has_onnxruntime() -> bool:
    """Whether ONNX files can be written and run here."""
    return all(find_spec(name) is not None for name in ("onnx", "onnxscript", "onnxruntime"))


def in_onnxruntime(program: ExportedProgram, file: Path) -> Call:
    """Write ``program`` to ``file`` as ONNX and return a call of it by onnxruntime on the CPU."""
    import onnxruntime

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # of operators of packages that are not installed
    torch.onnx.export(program, f=str(file), dynamo=True, external_data=False, verbose=False)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # a refusal is an exception here, and needs no second message
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]

    def call(inputs: Sequence[Tensor]) -> Tensor:
        fed = {name: given.numpy() for name, given in zip(names, inputs, strict=True)}
        return torch.from_numpy(session.run(None, fed)[0])

    return call
