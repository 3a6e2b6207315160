"""A network compiled by OpenVINO for the CPU."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import openvino

from vpr_core.cpu import cpu_features
from vpr_onnxruntime.calibration import calibrated_file, learnt

if TYPE_CHECKING:
    from vpr_core.runtimes import RuntimeRequest

__all__ = ["OpenVino"]

log = logging.getLogger(__name__)
_WORDS = {"float32": "f32", "bfloat16": "bf16", "int8": "f32"}
"""What is not in 8 bits of an int8 network is float32."""


class OpenVino:
    """One compiled network; `vpr_core.runtimes.Runtime`.

    Only the reader and the CPU plug-in of OpenVINO are used: nothing converts a model by its tools, which send usage
    statistics.

    Args:
        request: the exported network and what it takes.
        precision: ``auto`` is bfloat16 on a processor with AMX for it, else float32; ``int8`` needs
            ``request.samples``, or ``request.calibrated`` of an earlier time.

    Attributes:
        precision: what it computes in.
        calibrated: the int8 network as ONNX; None otherwise.

    Raises:
        ValueError: the processor does not compute in ``precision``.
    """

    name = "openvino"

    def __init__(
        self, request: RuntimeRequest, *, precision: Literal["auto", "float32", "bfloat16", "int8"] = "auto"
    ) -> None:
        if request.model is None:
            raise ValueError("OpenVINO executes an ONNX file: give a request with model=...")
        if precision == "auto":
            precision = "bfloat16" if "amx_bf16" in cpu_features() else "float32"
            if precision == "bfloat16":
                log.info(
                    "openvino computes in bfloat16, for which this processor has AMX; to go back: "
                    "--set compute.runtime='{type: openvino, precision: float32}'"
                )
        self.precision: str = precision
        self.calibrated: Path | None = calibrated_file(request) if precision == "int8" else None
        self._inputs = request.inputs
        core = openvino.Core()
        settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": _WORDS[precision],
            "PERFORMANCE_HINT": "LATENCY",  # one batch at a time, on all threads
            "CACHE_DIR": str(request.cache / "openvino"),
        }
        if request.threads:
            settings["INFERENCE_NUM_THREADS"] = request.threads
        self._model = core.compile_model(core.read_model(str(self.calibrated or request.model)), "CPU", settings)
        self._kernels = str(self._model.get_property("INFERENCE_PRECISION_HINT").to_string())
        if precision == "bfloat16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise ValueError(
                "compute.runtime.precision: this processor does not compute in bfloat16 (no AVX-512 BF16, no AMX); "
                "take float32, or int8"
            )
        self._call = self._model.create_infer_request()

    def run(self, images: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return the descriptors ``(B, D)`` of ``images (B, 3, H, W)``.

        Raises:
            ValueError: another type or shape than the network takes.
        """
        self._inputs.check(images)
        if not len(images):
            return np.empty((0, self._inputs.out_dim), dtype=np.float32)
        found = self._call.infer([np.ascontiguousarray(images)], share_inputs=True)[0]
        return np.array(found, dtype=np.float32)  # of one's own: the next call writes into the same memory

    def describe(self) -> Mapping[str, Any]:
        """Return name, precision, version, instruction set, and of int8 what it was calibrated on."""
        said: dict[str, Any] = {
            "name": self.name,
            "precision": self.precision,
            "version": f"openvino {openvino.__version__}",
            "device": "cpu",
            "cpu": list(cpu_features()),
            "rest": self._kernels,
        }
        return said if self.calibrated is None else {**said, "calibration": learnt(self.calibrated)}
