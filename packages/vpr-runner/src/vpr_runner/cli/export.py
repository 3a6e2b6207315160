"""``vpr export``: a whole network as one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vpr_runner.cli.evaluate import ModelArgument
from vpr_runner.cli.model import open_model
from vpr_runner.cli.options import PluginOption, QuietOption, SetOption

if TYPE_CHECKING:
    from vpr_core import ComponentConfig, Registry
    from vpr_runner import Retriever
    from vpr_runner.evaluation.report import Report
    from vpr_runner.exporting.write import Exported
    from vpr_runner.network.architecture import Architecture

__all__ = ["export"]

EPILOG = """\b
Examples:
  vpr export runs/first --onnx model.onnx                        compared on random images and the run's own
  vpr export runs/first --onnx model.onnx --images photos/       ... and on these photos
  vpr export runs/first --torch-export model.pt2
  vpr export runs/first --onnx half.onnx --precision float16
  vpr export runs/first --onnx int8.onnx --precision int8 --images photos/ --evaluate
  vpr export runs/first --for rtabmap -o robot/      model.onnx, and the Python file that RTAB-Map asks for
  vpr export runs/first --for ros2 -o robot/         ... and a node that answers with places of a map
  vpr extract model.onnx photos/ -o map/             the file in the place of its run, executed by onnxruntime

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
        Literal["float32", "float16", "int8"],
        typer.Option("--precision", help="Of the ONNX file's convolutions; int8 is calibrated on --images."),
    ] = "float32",
    evaluated: Annotated[
        bool, typer.Option("--evaluate", help="Also print recall of the file beside the network's, on eval.split.")
    ] = False,
    program_for: Annotated[
        Literal["rtabmap", "ros2"] | None,
        typer.Option("--for", help="Write a folder for this program: model.onnx and its Python files."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Of --for.", show_default=False)
    ] = None,
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

    if program_for is not None:
        if output is None:
            raise UsageError(f"--for {program_for}: name the folder that its files go to, with -o DIR")
        onnx = onnx or output / "model.onnx"
        if onnx.resolve() != (output / "model.onnx").resolve():
            raise UsageError(f"--for {program_for} has its network in {output / 'model.onnx'}; leave out --onnx")
    if onnx is None and program is None:
        raise UsageError("what is to be written? --onnx FILE.onnx, --torch-export FILE.pt2, or both")
    if (precision != "float32" or evaluated) and onnx is None:
        raise UsageError("--precision and --evaluate are of the ONNX file; add --onnx FILE.onnx")
    retriever, config, registry = open_model(
        model,
        plugins=plugin,
        settings=[*(settings or ()), "compute.compile=false", "compute.device=cpu"],
        quiet=quiet,
        builds={"dataset"} if images is None or evaluated else (),
    )

    from vpr_runner.network.architecture import Architecture
    from vpr_runner.network.exported import ExportedNetwork

    if isinstance(retriever, ExportedNetwork):
        raise UsageError(f"{model} is an exported file; another export takes the run that it came from")
    photos = _photos(images, config.dataset, registry, split=config.eval.split)
    architecture = Architecture.of(config)
    if precision == "int8":
        if program is not None or dtype != "uint8" or onnx is None:
            raise UsageError(
                "--precision int8 is of an ONNX file that takes uint8; leave out --torch-export and --input"
            )
        from vpr_runner.encoding.int8_export import export_int8

        parity = export_int8(
            retriever.cpu(),
            architecture,
            registry,
            compute=config.compute,
            onnx=onnx,
            photos=photos,
            licence=licence,
        )
        print(f"{onnx}: {parity}")
    else:
        _write(retriever, architecture, registry, onnx, program, dtype, precision, photos, licence)
    if program_for is not None and output is not None:
        from vpr_runner.exporting.companion_files import write_companions

        for path in write_companions(output, program_for, dim=retriever.out_dim):
            print(path)
    if evaluated and onnx is not None:
        from vpr_runner.data import split_of
        from vpr_runner.evaluation.evaluate import evaluate
        from vpr_runner.exporting.stored import exported_network

        split = split_of(config.dataset, registry, name=config.eval.split)
        plain = config.model_copy(update={"compute": config.compute.model_copy(update={"runtime": None})})
        network, own = exported_network(onnx, registry)
        shared = {name: getattr(plain, name) for name in ("eval", "index", "image", "compute", "seed")}
        report = evaluate(retriever, split, plain, registry=registry, progress=not quiet)
        print(f"network, torch float32: {_recalls(report)}")
        report = evaluate(network, split, own.model_copy(update=shared), registry=registry, progress=not quiet)
        print(f"{onnx}, {network.precision}: {_recalls(report)}")


def _write(
    retriever: Retriever,
    architecture: Architecture,
    registry: Registry,
    onnx: Path | None,
    program: Path | None,
    dtype: Literal["uint8", "float32"],
    precision: Literal["float32", "float16"],
    photos: list[Path],
    licence: str | None,
) -> None:
    from vpr_runner.exporting.write import export as run

    found = run(
        retriever,
        architecture,
        registry,
        onnx=onnx,
        program=program,
        dtype=dtype,
        precision=precision,
        photos=photos,
        licence=licence,
    )
    for line in _said(found):
        print(line)


def _photos(folder: Path | None, dataset: ComponentConfig, registry: Registry, *, split: str) -> list[Path]:
    """The user's photos; without any those of the run's data set, where that is here."""
    from vpr_core import VPRError

    if folder is not None:
        from vpr_data.tables.photos import open_photos

        photos = open_photos(folder).images
        return [photos.path(position) for position in range(len(photos))]
    from vpr_runner.data import split_of

    try:
        database = split_of(dataset, registry, name=split).database
    except (VPRError, OSError, ValueError):
        return []
    return [database.path(position) for position in range(len(database))]


def _recalls(report: Report) -> str:
    recalls = ", ".join(f"recall@{at} {100 * value:.1f}" for at, value in report.recall.items())
    return f"{recalls} ({report.counted} queries)"


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
