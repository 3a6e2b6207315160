"""``vpr export``: a whole network as one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vpr_runner.cli.evaluate import ModelArgument
from vpr_runner.cli.model import open_model
from vpr_runner.cli.options import PluginOption, QuietOption, SetOption

if TYPE_CHECKING:
    from vpr_core import Registry, RunConfig
    from vpr_runner.exporting.write import Exported

__all__ = ["export"]

EPILOG = """\b
Examples:
  vpr export runs/first --onnx model.onnx                        compared on random images and the run's own
  vpr export runs/first --onnx model.onnx --images photos/       ... and on these photos
  vpr export runs/first --torch-export model.pt2
  vpr export runs/first --onnx half.onnx --precision float16

The file takes images (batch, 3, height, width), red first, uint8 of 0..255 or float32 of 0..1 (--input), and gives unit
descriptors; normalisation is inside, resizing is not. Batch, height and width are open, unless the network takes one
size only. Its metadata say which network it is, what images it takes, and the licence of its weights. Nothing is
written that is not the network: the worst difference at sizes that were not exported is printed."""


def export(
    model: ModelArgument,
    onnx: Annotated[
        Path | None, typer.Option("--onnx", metavar="FILE.onnx", help="Write ONNX, in one file.", show_default=False)
    ] = None,
    program: Annotated[
        Path | None,
        typer.Option("--torch-export", metavar="FILE.pt2", help="Write torch.export's program.", show_default=False),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            "--images", metavar="DIR", help="Photos to compare on; default: the run's own.", show_default=False
        ),
    ] = None,
    dtype: Annotated[Literal["uint8", "float32"], typer.Option("--input", help="Type of the images.")] = "uint8",
    precision: Annotated[
        Literal["float32", "float16"], typer.Option("--precision", help="Of the ONNX file's convolutions.")
    ] = "float32",
    licence: Annotated[
        str | None,
        typer.Option("--licence", metavar="TEXT", help="Written into the file; default: what components say."),
    ] = None,
    settings: SetOption = None,
    plugin: PluginOption = None,
    quiet: QuietOption = False,
) -> None:
    """Write a whole network as one file: images in, unit descriptors out."""
    from vpr_core import UsageError

    if onnx is None and program is None:
        raise UsageError("what is to be written? --onnx FILE.onnx, --torch-export FILE.pt2, or both")
    if precision != "float32" and onnx is None:
        raise UsageError(f"--precision {precision} is of the ONNX file; add --onnx FILE.onnx")
    retriever, config, registry = open_model(
        model,
        plugins=plugin,
        settings=[*(settings or ()), "compute.compile=false", "compute.device=cpu"],
        quiet=quiet,
        builds={"dataset"} if images is None else (),
    )

    from vpr_runner.exporting.write import export as run

    found = run(
        retriever,
        config,
        registry,
        onnx=onnx,
        program=program,
        dtype=dtype,
        precision=precision,
        photos=_photos(images, config, registry),
        licence=licence,
    )
    for line in _said(found):
        print(line)


def _photos(folder: Path | None, config: RunConfig, registry: Registry) -> list[Path]:
    """The user's photos; without any those of the run's data set, where that is here."""
    from vpr_core import VPRError

    if folder is not None:
        from vpr_data.tables.photos import open_photos

        photos = open_photos(folder).images
        return [photos.path(position) for position in range(len(photos))]
    from vpr_runner.data import split_of

    try:
        database = split_of(config.dataset, registry, name=config.eval.split).database
    except (VPRError, OSError, ValueError):
        return []
    return [database.path(position) for position in range(len(database))]


def _said(found: Exported) -> list[str]:
    description = found.description
    inputs = description.inputs
    size = f"{inputs.size[0]} x {inputs.size[1]} only" if inputs.size is not None else "any size"
    if inputs.size is None:
        size += f" from {inputs.least[0]} x {inputs.least[1]} on"
        size += f" in multiples of {inputs.multiple_of}" if inputs.multiple_of > 1 else ""
    lines = [f"{path}: {parity}" for path, parity in found.parity.items()]
    if not any(parity.real for parity in found.parity.values()):
        lines.append("no real image was compared: name some with --images DIR")
    lines.append(f"takes {inputs.dtype} images (batch, 3, height, width) of {size}; gives {inputs.out_dim} numbers")
    if description.size is not None and inputs.size is None:
        lines.append(f"the run brings images to {description.size[0]} x {description.size[1]} before")
    return lines
