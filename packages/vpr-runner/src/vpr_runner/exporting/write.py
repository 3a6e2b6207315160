"""Export, compare, write: in this order, so that nothing is written that is not the network."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from vpr_core import UsageError, VPRError
from vpr_runner.exporting.description import KEY, Description, describe
from vpr_runner.exporting.onnx_file import onnx_model, run_onnx, write_model
from vpr_runner.exporting.parity import Parity, compare, probes
from vpr_runner.exporting.whole import Whole, export_whole
from vpr_runner.files import atomic
from vpr_runner.network.storage import fingerprint

if TYPE_CHECKING:
    from vpr_core import Registry
    from vpr_runner.network.architecture import Architecture
    from vpr_runner.network.retriever import Retriever

__all__ = ["Exported", "Whole", "by_torch", "export"]

_LONGEST = 480
"""Photos of the comparison are shrunk to this."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What was written.

    Attributes:
        description: of the ONNX file, or what it would be.
        parity: of each file, by its path.
        model: the float32 network as ``onnx.ModelProto``; None where no ONNX was asked for.
        example: ``(H, W)`` it was exported with.
    """

    description: Description
    parity: dict[Path, Parity]
    model: Any
    example: tuple[int, int]


def export(
    retriever: Retriever,
    architecture: Architecture,
    registry: Registry,
    *,
    onnx: Path | None = None,
    program: Path | None = None,
    dtype: Literal["uint8", "float32"] = "uint8",
    precision: Literal["float32", "float16"] = "float32",
    photos: Sequence[Path] = (),
    licence: str | None = None,
) -> Exported:
    """Write a network as ONNX, as ``torch.export`` program, or both.

    Args:
        retriever: the network, on the CPU; it is put into evaluation mode.
        architecture: of the network: its blocks, and the size of images.
        registry: what its components say of sizes and licences.
        onnx: the ONNX file.
        program: the file of `torch.export.save`.
        dtype: of the images.
        precision: of the ONNX file.
        photos: real images to compare on.
        licence: what the user says of the whole.

    Raises:
        UsageError: the network cannot be exported, the export gives other descriptors, or ``program`` does not end in
            ``.pt2``; nothing is written then.
    """
    if program is not None and program.suffix != ".pt2":
        raise UsageError(f"--torch-export {program}: torch wants a name that ends in .pt2")
    retriever = retriever.cpu().eval()
    size = architecture.image.fixed
    whole = export_whole(
        retriever,
        size=None if size is None else (size[0], size[1]),
        needs=registry.image_needs(architecture.backbone),
        dtype=dtype,
    )
    batches = probes(whole.inputs, whole.example, photos, longest=_LONGEST)
    wanted = by_torch(retriever)
    description = describe(
        retriever,
        architecture,
        registry,
        inputs=whole.inputs,
        fingerprint=fingerprint(retriever, architecture),
        licence=licence,
    )
    parity: dict[Path, Parity] = {}
    model = None
    if program is not None:
        module = whole.program.module()
        found = parity[program] = compare(wanted, by_torch(module), batches)
        found.check("float32", what=f"{program}: the exported program")
    if onnx is not None:
        model = written = onnx_model(whole)
        if precision == "float16":
            from vpr_runner.exporting.half import in_half

            written = in_half(model)
        found = parity[onnx] = compare(wanted, run_onnx(written), batches)
        found.check(precision, what=f"{onnx}: the exported network")
        description = replace(description, precision=precision, parity=found.as_dict())
        write_model(onnx, written, description)
    if program is not None:
        _write_program(program, whole.program, replace(description, precision="float32"))
    return Exported(description=description, parity=parity, model=model, example=whole.example)


def by_torch(module: Any) -> Any:
    """Return a function from images as arrays to descriptors, by a torch module on the CPU."""

    def run(images: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            found: npt.NDArray[np.float32] = module(torch.from_numpy(images)).float().numpy()
        return found

    return run


def _write_program(path: Path, program: Any, description: Description) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{atomic.PREFIX}{path.name}")
    try:
        torch.export.save(program, partial, extra_files={f"{KEY}.json": json.dumps(description.to_json(), indent=2)})
        with partial.open("r+b") as file:
            os.fsync(file.fileno())
        partial.replace(path)
        atomic.sync_folder(path.parent)
    except RuntimeError as error:  # of a full disk, too
        raise VPRError(f"{path}: torch.export.save fails: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
