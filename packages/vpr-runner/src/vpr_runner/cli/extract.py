"""``vpr extract``: descriptors of many images, in chunks with a manifest."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vpr_runner.cli.completing import model as model_name
from vpr_runner.cli.options import DeviceOption, PluginOption, QuietOption, SetOption
from vpr_runner.cli.which import Opening, sorted_out

if TYPE_CHECKING:
    from vpr_core import ComponentConfig, Registry
    from vpr_core.types import ImageSet

__all__ = ["extract"]

EPILOG = """\b
Examples:
  vpr extract photos/ -o map/                              with the usual network, which is named
  vpr extract resnet50-gem photos/ -o map/                 with another; `vpr models` lists them
  vpr extract runs/first photos/ -o map/                   every image below photos/
  vpr extract runs/first photos/ -o map/                   again: only what is missing
  vpr extract runs/first walk.mp4 --every 1s --gpx walk.gpx -o map/      frames of a video, along a track
  vpr extract runs/first -o map/ --split test              database of the model's own data set
  vpr extract runs/first -o asked/ --split test --role queries
  vpr extract runs/first photos/ -o map/ --set compute.on_bad_image=skip --dtype float16
  vpr extract runs/first photos/ -o map/ --set engine.type=ray      on a cluster (plug-in vpr-ray)

NetVLAD and whitening start from the images where the network's run file has no data set, once: the map keeps them.
The folder is a map: chunks of descriptors, images.csv (names, latitude and longitude, or metres and what they count
from: of @easting@northing@ names, EXIF, XMP or a GPX track; for positions in a CSV or GeoJSON file take the `folder`
data set and --split), the network, and a seal over all of it; of a video also its frames. It can be moved and searched
elsewhere as it is. Exit code 1 when an image could not be read."""


def extract(
    first: Annotated[
        Path,
        typer.Argument(
            metavar="[MODEL]",
            help="Network: a name (vpr models), a run file, a run directory or a model file. Left out: the usual one.",
            show_default=False,
            autocompletion=model_name,
        ),
    ],
    images: Annotated[
        Path | None,
        typer.Argument(metavar="IMAGES", help="Folder of images, or a video; or use --split.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Where descriptors go.", show_default=False)
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", metavar="NAME", help="Images of this split of the model's data set.")
    ] = None,
    role: Annotated[
        Literal["database", "queries"], typer.Option("--role", help="Which side of the split.")
    ] = "database",
    every: Annotated[
        str | None, typer.Option("--every", metavar="TIME", help="Between frames of a video: 1s (default), 500ms.")
    ] = None,
    gpx: Annotated[
        Path | None,
        typer.Option("--gpx", metavar="FILE", help="Track of a receiver: positions by the times of the images."),
    ] = None,
    gpx_offset: Annotated[
        float, typer.Option("--gpx-offset", metavar="SECONDS", help="Added to the images' times: clock, or zone.")
    ] = 0.0,
    chunk: Annotated[int, typer.Option("--chunk", metavar="N", help="Images a file.")] = 1024,
    dtype: Annotated[Literal["float32", "float16"], typer.Option("--dtype", help="Of the rows.")] = "float32",
    settings: SetOption = None,
    plugin: PluginOption = None,
    device: DeviceOption = None,
    quiet: QuietOption = False,
) -> None:
    """Write the descriptors of a folder of images, or of a split; an interrupted extraction goes on."""
    from vpr_core import UsageError

    model, images = sorted_out(first, images, split=split, output=output)
    if images is None and (every is not None or gpx is not None):
        raise UsageError("--every and --gpx go with a folder or a video; a data set has dataset.gpx in the run file")
    if output is None:
        raise UsageError("--output: name the folder that descriptors go to")
    from vpr_runner.cli.photos import Photos
    from vpr_runner.maps.layout import NETWORK_FOLDER

    photos = None
    if images is not None:
        photos = Photos(images, output=output, every=every, gpx=gpx, gpx_offset=gpx_offset, quiet=quiet)
    opening = Opening(
        plugins=plugin,
        settings=settings,
        device=device,
        quiet=quiet,
        builds={"engine", "runtime", *(("dataset",) if split else ())},
        images=photos,
    )
    kept = output / NETWORK_FOLDER
    retriever, config, registry = opening.usual(kept) if model is None else opening.network(model, kept=kept)

    from vpr_runner.maps.write import write_map

    wanted: ImageSet
    if photos is not None:
        found = photos(config.compute)
        wanted, positioned = found, found.located is None or bool(found.located.any())
    else:
        wanted, positioned = _side(config.dataset, registry, str(split), role), True
    result = write_map(
        retriever,
        wanted,
        output=output,
        config=config,
        positioned=positioned,
        chunk=chunk,
        dtype=dtype,
        progress=not quiet,
        registry=registry,
    )
    if split is not None:
        from vpr_runner.maps.source import note_source

        note_source(output, config.dataset)
    print(f"{result.images} images, {result.written} of them now, {retriever.out_dim} numbers each, in {output}")
    for name, reason in list(result.failures.items())[:10]:
        print(f"unreadable: {name}: {reason}", file=sys.stderr)
    if result.failures:
        print(f"{len(result.failures)} images could not be read; their rows are NaN", file=sys.stderr)
        raise typer.Exit(1)


def _side(dataset: ComponentConfig, registry: Registry, split: str, role: str) -> ImageSet:
    from vpr_runner.data import split_of

    found = split_of(dataset, registry, name=split)
    return found.database if role == "database" else found.queries
