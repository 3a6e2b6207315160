"""From a network to one exported program, with batch, height and width open where the network leaves them open."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import nn

from vpr_core import UsageError
from vpr_core.runtimes import InputContract

if TYPE_CHECKING:
    from torch.export import ExportedProgram

    from vpr_core.image_needs import ImageNeeds
    from vpr_runner.network.retriever import Retriever

__all__ = ["DEFAULT_SIDE", "Whole", "export_whole", "quiet_exporters"]

DEFAULT_SIDE = 224
"""Of the example's images where a run file keeps images as they are; rounded to what the network takes."""

Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Whole:
    """An exported network.

    Attributes:
        program: images ``(B, 3, H, W)`` to unit descriptors ``(B, D)``; normalisation is inside.
        inputs: what it takes and gives; ``inputs.size`` is None where height and width are open.
        example: ``(H, W)`` that it was exported with.
    """

    program: ExportedProgram
    inputs: InputContract
    example: Size


def export_whole(
    retriever: Retriever,
    *,
    size: Size | None,
    needs: ImageNeeds | None = None,
    dtype: Literal["uint8", "float32"] = "uint8",
) -> Whole:
    """Export a network on the CPU in float32, in evaluation mode.

    The network itself is asked which sizes it takes: one that refuses others than ``size`` (MixVPR's weights belong to
    locations) is exported for that one.

    Args:
        retriever: the network.
        size: of its images by the run file; None: as they come.
        needs: what its backbone says of sizes.
        dtype: of the images: uint8 of 0..255, or float32 of 0..1.

    Raises:
        UsageError: the network takes one size only and ``size`` is None, or it cannot be exported.
    """
    multiple = needs.multiple if needs is not None else 1
    example = size or _side(needs, multiple)
    refusal = _refusal(retriever, example, dtype)
    if refusal:
        more = "" if size else ". If it takes images of one size only, say which: --set image.size='[height, width]'"
        raise UsageError(
            f"image.size: the network does not take images of {example[0]} x {example[1]}: {refusal}{more}"
        )
    step = multiple * -(-64 // multiple)
    others = ((example[0] + step, example[1]), (example[0], example[1] + step))
    fixed = bool(needs is not None and (needs.square or needs.only)) or any(
        _refusal(retriever, other, dtype) for other in others
    )
    if fixed and size is None:
        raise UsageError(
            "image.size: this network takes images of one size only, and the run file keeps them as they are; say "
            "which with --set image.size='[height, width]'"
        )
    if not fixed:
        try:
            program, least = _exported(retriever, example, dtype, open_sizes=True)
        except Exception as error:
            if size is None:
                raise UsageError(
                    f"the network cannot be exported with open sizes ({_first_line(error)}); for one size: --set "
                    "image.size='[height, width]'"
                ) from error
            fixed = True
        else:
            least = _taken(program.module(), least, multiple, dtype, most=example)
            return Whole(
                program=program,
                inputs=InputContract(dtype=dtype, out_dim=retriever.out_dim, multiple_of=multiple, least=least),
                example=example,
            )
    try:
        program, _ = _exported(retriever, example, dtype, open_sizes=False)
    except Exception as error:
        raise UsageError(
            f"torch.export cannot export this network ({_first_line(error)}); a layer computes in Python what must be "
            "tensor operations (docs/plugins.md, vpr_poolings)"
        ) from error
    return Whole(
        program=program,
        inputs=InputContract(dtype=dtype, out_dim=retriever.out_dim, size=example),
        example=example,
    )


def _side(needs: ImageNeeds | None, multiple: int) -> Size:
    if needs is not None and needs.only is not None:
        return needs.only
    side = multiple * max(1, round(DEFAULT_SIDE / multiple))
    return side, side


def _images(size: Size, dtype: str) -> torch.Tensor:
    # Two: a batch of one would be built in.
    return torch.full((2, 3, *size), 127, dtype=torch.uint8) if dtype == "uint8" else torch.full((2, 3, *size), 0.5)


def _refusal(network: nn.Module, size: Size, dtype: str) -> str:
    """Why a network, exported or not, does not take images of this size; empty when it does."""
    try:
        with torch.inference_mode():
            finite = bool(torch.isfinite(network(_images(size, dtype))).all())
    except (ValueError, RuntimeError, AssertionError) as error:  # the last is a guard of an exported program
        return _first_line(error)
    return "" if finite else "its descriptors are not finite"


def _exported(
    retriever: Retriever, size: Size, dtype: str, *, open_sizes: bool
) -> tuple[ExportedProgram, tuple[int, int]]:
    """The program, and the smallest height and width that its own guards allow."""
    from torch.export import Dim

    dims = dict.fromkeys((0, 2, 3) if open_sizes else (0,), Dim.DYNAMIC)
    with torch.no_grad(), quiet_exporters():
        program = torch.export.export(retriever, (_images(size, dtype),), dynamic_shapes=(dims,))
    (name,) = program.graph_signature.user_inputs
    shape = next(node.meta["val"].shape for node in program.graph.nodes if node.name == name)
    bounds = {str(symbol): int(found.lower) for symbol, found in program.range_constraints.items()}
    return program, (bounds.get(str(shape[2]), size[0]), bounds.get(str(shape[3]), size[1]))


def _taken(program: nn.Module, least: Size, multiple: int, dtype: str, *, most: Size) -> Size:
    """The smallest size from ``least`` on, both sides grown together, that the exported program takes.

    It takes less than its ranges say where a guard excludes a single value, such as a feature map of one row. Those who
    read ONNX have neither.
    """
    side = max(least)
    while side < min(most):
        height, width = (multiple * -(-max(side, own) // multiple) for own in least)
        sizes = ((height, width), (most[0], width), (height, most[1]))
        if not any(_refusal(program, size, dtype) for size in sizes):
            return height, width
        side = max(side + multiple, side * 5 // 4)
    return most


@contextmanager
def quiet_exporters() -> Iterator[None]:
    """Keep the exporters' remarks about themselves from the user: nothing can be done about them."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
