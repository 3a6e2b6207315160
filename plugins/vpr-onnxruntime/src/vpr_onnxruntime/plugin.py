"""What a run file can name of this package. onnxruntime is imported when the runtime is built, not before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from vpr_core import ComponentConfig, RuntimeSpec, hookimpl

if TYPE_CHECKING:
    from vpr_core.runtimes import Runtime, RuntimeRequest

__all__ = ["OnnxruntimeConfig", "vpr_runtimes"]

VPR_HOOK_API = "1.1"


class OnnxruntimeConfig(ComponentConfig):
    """Parameters of `vpr_onnxruntime.session.OnnxRuntime`."""

    type: Literal["onnxruntime"] = "onnxruntime"
    precision: Literal["float32", "int8"] = Field(
        default="float32", description="int8: convolutions in 8 bits, calibrated on up to 300 of your images."
    )


def _build(config: OnnxruntimeConfig, request: RuntimeRequest) -> Runtime:
    from vpr_onnxruntime.session import OnnxRuntime

    return OnnxRuntime(request, precision=config.precision)


@hookimpl
def vpr_runtimes() -> Iterator[RuntimeSpec[Any]]:
    """Yield the runtime of this package."""
    yield RuntimeSpec(
        name="onnxruntime",
        config=OnnxruntimeConfig,
        build=_build,
        summary="onnxruntime on the CPU, float32 or int8",
        needs="onnx",
    )
