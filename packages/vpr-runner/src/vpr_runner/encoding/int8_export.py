"""The int8 variant of an exported file: what the runtime onnxruntime has learnt from the user's images, as a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import onnx as onnx_package

from vpr_core import UsageError
from vpr_data.city.store import cache_root
from vpr_runner.encoding.execution import execution_of
from vpr_runner.exporting.kept import kept_export
from vpr_runner.exporting.onnx_file import described, run_onnx, write_model
from vpr_runner.exporting.parity import Parity, compare, probes
from vpr_runner.exporting.write import by_torch

if TYPE_CHECKING:
    from vpr_core import Registry
    from vpr_core.config.sections import ComputeConfig
    from vpr_core.types import ImageSet
    from vpr_runner.network.architecture import Architecture
    from vpr_runner.network.retriever import Retriever

__all__ = ["export_int8"]


@dataclass(frozen=True, kw_only=True)
class _Photos:
    """The part of an image set that samples are drawn from."""

    paths: tuple[Path, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(str(path) for path in self.paths)

    def __len__(self) -> int:
        return len(self.paths)

    def path(self, position: int) -> Path:
        return self.paths[position]


def export_int8(
    retriever: Retriever,
    architecture: Architecture,
    registry: Registry,
    *,
    compute: ComputeConfig,
    onnx: Path,
    photos: Sequence[Path],
    licence: str | None = None,
) -> Parity:
    """Write a network with convolutions in 8 bits, calibrated on up to 300 of ``photos``.

    It is compared with the float32 network on photos, at sizes that were not exported; made-up images reach other
    ranges than those that it was calibrated for.

    Raises:
        UsageError: there are no photos, vpr-onnxruntime is not installed, or the descriptors are too far apart.
    """
    if not photos:
        raise UsageError("int8 is calibrated on photos like those that will come; name some with --images DIR")
    block = registry.get("runtime", "onnxruntime").config.model_validate({"type": "onnxruntime", "precision": "int8"})
    wanted = compute.model_copy(update={"runtime": block})
    images = cast("ImageSet", _Photos(paths=tuple(photos)))
    execution = execution_of(retriever, architecture, registry, compute=wanted, images=images)
    if execution is None or execution.calibrated is None:
        raise UsageError("the runtime onnxruntime of this installation has no int8; install this checkout's")
    file, _, inputs = kept_export(retriever, architecture, registry, cache=cache_root() / "exports")
    model = onnx_package.load_model(str(execution.calibrated))
    description = described(file)
    batches = [
        batch for batch in probes(inputs, architecture.image.fixed or (224, 224), photos, longest=480) if batch[1]
    ]
    parity = compare(by_torch(retriever), run_onnx(model), batches)
    parity.check("int8", what=f"{onnx}: the network in 8 bits")
    description = replace(
        description,
        precision="int8",
        parity=parity.as_dict(),
        variant=dict(execution.describe().get("calibration", {})),
        licence=(licence,) if licence else description.licence,
    )
    write_model(onnx, model, description)
    return parity
