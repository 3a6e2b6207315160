"""``vpr explain``: what a network looks at, and what it finds, as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vpr_runner.cli.evaluate import ModelArgument
from vpr_runner.cli.model import open_model
from vpr_runner.cli.options import DeviceOption, PluginOption, QuietOption, SetOption

if TYPE_CHECKING:
    from vpr_core import ComponentConfig, Registry
    from vpr_runner import Retriever
    from vpr_runner.encoding.compute import Compute
    from vpr_runner.explain.explanation import Look
    from vpr_runner.maps.opened import Map

__all__ = ["explain"]

EPILOG = """\b
Examples:
  vpr explain runs/first -o out/                          four queries of the test split: what is found, what counts
  vpr explain runs/first -o out/ --split val --count 10 --what retrieval
  vpr explain runs/first -o out/ --wrong                  four queries whose first answer is wrong
  vpr explain runs/first photo.jpg -o out/                occlusion and assignment maps of your own photos
  vpr explain map/ photo.jpg -o out/ --images photos/     and what the map answers to it, and why
  vpr explain runs/first photo.jpg -o out/ --window 100 --stride 8

\b
Pictures:
  retrieval.png     queries with their best answers, right ones framed green, wrong ones red
  occlusion/*.png   how much the descriptor changes, and how much farther its match moves (red),
                    when a grey square hides that part of the image
  assignment/*.png  how much of each place the largest clusters take (netvlad)"""


class Kind(StrEnum):
    """Kinds of picture."""

    OCCLUSION = "occlusion"
    ASSIGNMENT = "assignment"
    RETRIEVAL = "retrieval"


def explain(
    model: ModelArgument,
    images: Annotated[
        list[Path] | None, typer.Argument(metavar="[IMAGE...]", help="Photos; default: queries.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Where pictures go.", show_default=False)
    ] = None,
    what: Annotated[
        list[Kind] | None, typer.Option("--what", help="Only this kind; repeatable.", show_default=False)
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", metavar="NAME", help="Short for --set eval.split=NAME.")
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, metavar="N", help="Queries, drawn by the run's seed.")] = 4,
    wrong: Annotated[
        bool, typer.Option("--wrong", help="Only queries whose first answer is wrong (asks all of them).")
    ] = False,
    top: Annotated[int, typer.Option("--top", min=1, metavar="N", help="Answers shown for each query.")] = 5,
    window: Annotated[
        int | None, typer.Option("--window", min=1, metavar="N", help="Side of the square; default: 100 of 480 pixels.")
    ] = None,
    stride: Annotated[
        int | None, typer.Option("--stride", min=1, metavar="N", help="Pixels between squares; default: a sixth of it.")
    ] = None,
    pictures: Annotated[
        Path | None,
        typer.Option("--images", metavar="DIR", help="With a map: folder of its images, for their pictures."),
    ] = None,
    clusters: Annotated[int, typer.Option("--clusters", min=1, metavar="N", help="Largest clusters drawn.")] = 8,
    settings: SetOption = None,
    plugin: PluginOption = None,
    device: DeviceOption = None,
    quiet: QuietOption = False,
) -> None:
    """Draw what a network looks at (occlusion and assignment maps) and what it finds (right and wrong answers)."""
    from vpr_core import UsageError

    if output is None:
        raise UsageError("--output: name the folder that pictures go to")
    opened = _map_of(model)
    if opened is not None and not images:
        raise UsageError(f"{model} is a map; name photos to ask it about: vpr explain {model} photo.jpg -o {output}")
    if opened is None and pictures is not None:
        raise UsageError(f"--images: shows the images of a map, and {model} is none")
    if opened is None and images and what and set(what) == {Kind.RETRIEVAL}:
        raise UsageError(
            "--what retrieval: is for queries of a split, whose right answers are known, and for photos that a map is "
            "asked about; name the map in place of the network, or leave the photos out"
        )
    if split is not None:
        settings = [*(settings or ()), f"eval.split={split}"]
    retriever, config, registry = open_model(
        model,
        plugins=plugin,
        settings=settings,
        device=device,
        quiet=quiet,
        builds={"index", *(() if images else ("dataset",))},
    )

    from vpr_runner.cli.images import files_as_images
    from vpr_runner.data import split_of
    from vpr_runner.encoding.compute import Compute
    from vpr_runner.explain.assignment import has_assignment
    from vpr_runner.explain.explanation import Look, explain_images, explain_split

    kinds = set(what or Kind)
    if what and Kind.ASSIGNMENT in what and not has_assignment(retriever):
        raise UsageError(f"--what assignment: {config.pooling.type} assigns nothing to clusters; netvlad does")
    look = Look(
        occlusion=Kind.OCCLUSION in kinds, assignment=Kind.ASSIGNMENT in kinds, retrieval=Kind.RETRIEVAL in kinds,
        window=window, stride=stride, clusters=clusters, top=top, wrong=wrong,
    )  # fmt: skip
    compute = Compute.of(config.compute, config.image)
    if opened is not None:
        _explain_map(
            opened, images or (), retriever, config.index, registry, compute, look, output, pictures, quiet=quiet
        )
        return
    if images:
        chosen = files_as_images(images)
        files = explain_images(retriever, chosen, compute=compute, folder=output, look=look, progress=not quiet)
    else:
        part = split_of(config.dataset, registry, name=config.eval.split)
        files, examples = explain_split(
            retriever,
            part,
            config.index,
            registry=registry,
            compute=compute,
            seed=config.seed,
            folder=output,
            look=look,
            count=count,
            progress=not quiet,
        )
        right = sum(example.right[:1] == (True,) for example in examples)
        said = f"the first answer is right for {right} of {len(examples)} queries"
        if wrong and not examples:
            said = f"the first answer is right for all {len(part.queries)} queries: there is nothing to draw"
        print(f"{part.protocol}: {said}")
    print("\n".join(str(file) for file in files))


def _map_of(model: Path) -> Map | None:
    """The map that ``model`` is, or None."""
    if not (model / "manifest.json").is_file():
        return None
    from vpr_runner.maps.opened import open_map

    return open_map(model)


def _explain_map(
    opened: Map,
    photos: Sequence[Path],
    retriever: Retriever,
    index: ComponentConfig,
    registry: Registry,
    compute: Compute,
    look: Look,
    output: Path,
    pictures: Path | None,
    *,
    quiet: bool,
) -> None:
    import shlex
    import sys

    from vpr_runner.cli.images import files_as_images
    from vpr_runner.explain.of_map import explain_map

    if pictures is None and look.retrieval and opened.root is not None and not quiet:
        print(
            f"the map's images are shown with --images DIR (they were in {shlex.quote(str(opened.root))} when it was "
            "made)",
            file=sys.stderr,
        )
    files, found = explain_map(
        retriever,
        opened,
        files_as_images(photos),
        index,
        registry=registry,
        compute=compute,
        folder=output,
        look=look,
        pictures=pictures,
        progress=not quiet,
    )
    for photo, one in zip(photos, found, strict=True):
        print(f"{photo}: {', '.join(f'{answer.image} ({answer.distance:.3f})' for answer in one.answers)}")
    print("\n".join(str(file) for file in files))
