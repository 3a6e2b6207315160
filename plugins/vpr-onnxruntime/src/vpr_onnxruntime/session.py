"""A network executed by onnxruntime on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import onnxruntime

from vpr_core.cpu import cpu_features
from vpr_onnxruntime.calibration import calibrated_file, learnt

if TYPE_CHECKING:
    from vpr_core.runtimes import RuntimeRequest

__all__ = ["OnnxRuntime"]


class OnnxRuntime:
    """One session of onnxruntime; `vpr_core.runtimes.Runtime`.

    Args:
        request: the exported network and what it takes.
        precision: ``int8`` needs ``request.samples``, or ``request.calibrated`` of an earlier time.

    Attributes:
        calibrated: the int8 network as ONNX; None in float32.
    """

    name = "onnxruntime"

    def __init__(self, request: RuntimeRequest, *, precision: Literal["float32", "int8"] = "float32") -> None:
        if request.model is None:
            raise ValueError("onnxruntime executes an ONNX file: give a request with model=...")
        self.precision = precision
        self.calibrated: Path | None = calibrated_file(request) if precision == "int8" else None
        self._inputs = request.inputs
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = request.threads or 0  # 0: its own choice
        options.log_severity_level = 3
        # Threads that wait by spinning take the cores of those that decode.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            str(self.calibrated or request.model), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name

    def run(self, images: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return the descriptors ``(B, D)`` of ``images (B, 3, H, W)``.

        Raises:
            ValueError: another type or shape than the network takes.
        """
        self._inputs.check(images)
        if not len(images):
            return np.empty((0, self._inputs.out_dim), dtype=np.float32)
        (found,) = self._session.run(None, {self._input: np.ascontiguousarray(images)})
        return np.asarray(found, dtype=np.float32)

    def describe(self) -> Mapping[str, Any]:
        """Return name, precision, version, instruction set, and of int8 what it was calibrated on."""
        said: dict[str, Any] = {
            "name": self.name,
            "precision": self.precision,
            "version": f"onnxruntime {onnxruntime.__version__}",
            "device": "cpu",
            "cpu": list(cpu_features()),
        }
        return said if self.calibrated is None else {**said, "calibration": learnt(self.calibrated)}
