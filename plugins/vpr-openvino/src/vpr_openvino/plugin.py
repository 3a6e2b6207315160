"""What a run file can name of this package. OpenVINO is imported when the runtime is built, not before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from vpr_core import ComponentConfig, RuntimeSpec, hookimpl

if TYPE_CHECKING:
    from vpr_core.runtimes import Runtime, RuntimeRequest

__all__ = ["OpenvinoConfig", "vpr_runtimes"]

VPR_HOOK_API = "1.1"


class OpenvinoConfig(ComponentConfig):
    """Parameters of `vpr_openvino.compiled.OpenVino`."""

    type: Literal["openvino"] = "openvino"
    precision: Literal["auto", "float32", "bfloat16", "int8"] = Field(
        default="auto",
        description="auto: bfloat16 where the processor has AMX for it, else float32. int8: convolutions in 8 bits, "
        "calibrated on up to 300 of your images.",
    )


def _build(config: OpenvinoConfig, request: RuntimeRequest) -> Runtime:
    from vpr_openvino.compiled import OpenVino

    return OpenVino(request, precision=config.precision)


@hookimpl
def vpr_runtimes() -> Iterator[RuntimeSpec[Any]]:
    """Yield the runtime of this package."""
    yield RuntimeSpec(
        name="openvino",
        config=OpenvinoConfig,
        build=_build,
        summary="OpenVINO on the CPU, float32, bfloat16 or int8",
        needs="onnx",
    )
