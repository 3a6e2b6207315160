"""``vpr calibrate``, and ``vpr eval --calibrate``: when is an answer of a map to be believed?"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vpr_runner.cli.loading import says_runtime
from vpr_runner.cli.model import open_model
from vpr_runner.cli.options import DeviceOption, JsonOption, PluginOption, QuietOption, SetOption

if TYPE_CHECKING:
    from vpr_core import ComponentConfig, Registry
    from vpr_core.types import ImageSet
    from vpr_runner.locate.learning import Learnt

__all__ = ["calibrate", "calibrate_by_split"]

EPILOG = """\b
Examples:
  vpr calibrate map/                      each image of the map, looked up among the others
  vpr calibrate map/ other-photos/        better: photos of the same area with positions, taken another day
  vpr calibrate map/ --split test         queries of the data set that the map was made of here
  vpr eval runs/first --calibrate map/    the same, of the split that the run names
  vpr calibrate map/ --split test --set 'dataset={type: city}'     of another data set
  vpr calibrate map/ --within 10 --json

Writes calibration.json into the map, sealed with it: the largest distance at which 99 % of first answers are right,
with its interval. `vpr search` and `vpr serve` then say "unknown place" beyond it. Images of one walk help each
other: leave-one-out then promises more than photos of another day will keep."""


def calibrate(
    database: Annotated[
        Path, typer.Argument(metavar="MAP", help="Folder that `vpr extract` wrote.", show_default=False)
    ],
    photos: Annotated[
        Path | None,
        typer.Argument(metavar="[PHOTOS]", help="Folder of photos with positions; default: the map's own."),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option("--split", metavar="NAME", help="Queries of this split of the data set the map was made of."),
    ] = None,
    within: Annotated[
        float, typer.Option("--within", min=0.001, metavar="M", help="Metres within which an answer is right.")
    ] = 25.0,
    precision: Annotated[
        float, typer.Option("--precision", min=0.5, max=1.0, metavar="P", help="Share of answers that must be right.")
    ] = 0.99,
    most: Annotated[int, typer.Option("--most", min=10, metavar="N", help="Images of the map to ask for.")] = 1000,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.json", help="Write the evaluation here too.")
    ] = None,
    settings: SetOption = None,
    plugin: PluginOption = None,
    device: DeviceOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Learn from photos whose place is known when a map is to be believed, and measure how well that goes."""
    from vpr_core import UsageError
    from vpr_runner.maps.opened import open_map

    if photos is not None and split is not None:
        raise UsageError("which photos? A folder, or --split NAME (one of the two)")
    opened = open_map(database)
    if opened.network is None:
        raise UsageError(f"{database} was written by an earlier version; extract it again to calibrate it")
    retriever, config, registry = open_model(
        opened.network,
        plugins=plugin,
        settings=[*(_known_source(database) if split else ()), *(settings or ())],
        device=device,
        quiet=quiet,
        builds={"index", "runtime", *(("dataset",) if split else ())},
    )
    from vpr_runner.locate.learning import calibrate_map
    from vpr_runner.network.architecture import Architecture

    images, named = _asked_for(photos, split, config.dataset, registry, database)
    found = calibrate_map(
        opened,
        retriever,
        Architecture.of(config),
        registry,
        index=config.index,
        compute=config.compute,
        photos=images,
        named=named,
        within=within,
        precision=precision,
        most=most,
        progress=not quiet,
        asked=says_runtime(settings),
    )
    _tell(database, found, output=output, as_json=as_json)


def calibrate_by_split(
    database: Path,
    model: Path,
    *,
    output: Path | None,
    settings: Sequence[str] | None,
    plugin: Sequence[Path] | None,
    device: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Calibrate a map by the queries of the split that a run names: ``vpr eval MODEL --calibrate MAP``."""
    from vpr_runner.maps.opened import open_map

    opened = open_map(database)
    retriever, config, registry = open_model(
        model,
        plugins=plugin,
        settings=settings,
        device=device,
        quiet=quiet,
        builds={"dataset", "index", "runtime"},
    )
    from vpr_runner.locate.learning import calibrate_map
    from vpr_runner.network.architecture import Architecture

    images, named = _asked_for(None, config.eval.split, config.dataset, registry, database)
    found = calibrate_map(
        opened,
        retriever,
        Architecture.of(config),
        registry,
        index=config.index,
        compute=config.compute,
        photos=images,
        named=named,
        progress=not quiet,
        asked=says_runtime(settings),
    )
    _tell(database, found, output=output, as_json=as_json)


def _known_source(database: Path) -> list[str]:
    from vpr_runner.maps.source import noted_source

    block = noted_source(database)
    return [] if block is None else [f"dataset={json.dumps(block)}"]


def _asked_for(
    photos: Path | None, split: str | None, dataset: ComponentConfig, registry: Registry, database: Path
) -> tuple[ImageSet | None, str]:
    """Return the photos to ask for, None for the map's own, and what they are in words."""
    if split is not None:
        from vpr_core import UsageError
        from vpr_runner.data import split_of

        if dataset.type == "none":
            raise UsageError(
                f"--split {split}: of which data set? This machine does not know what {database} was made of; name the "
                f"run (vpr eval RUN --split {split} --calibrate {database}), or --set 'dataset={{type: folder, root: "
                "DIR}'"
            )
        return split_of(dataset, registry, name=split).queries, f"queries of the split {split}"
    if photos is not None:
        from vpr_data.tables.photos import open_photos

        return open_photos(photos).images, f"photos in {photos}"
    return None, "its own images, each without itself"


def _tell(database: Path, learnt: Learnt, *, output: Path | None, as_json: bool) -> None:
    from vpr_runner.files import atomic
    from vpr_runner.files.provenance import provenance
    from vpr_runner.locate.calibrate import LEAST
    from vpr_runner.locate.judge import as_text

    found, judged = learnt.calibration, learnt.evaluation
    if learnt.unreadable:
        print(f"{learnt.unreadable} photos could not be read", file=sys.stderr)
    facts = {"calibration": found.to_json(), "evaluation": judged, "provenance": provenance()}
    if output is not None:
        atomic.write_json(output, facts)
    if as_json:
        print(json.dumps(facts, indent=2))
        return
    print(f"{database}: learnt from {found.photos} photos ({found.learnt})")
    if found.threshold is None or found.interval is None:
        share = f"{100 * found.precision:g} %"
        print(
            f"  no distance that {LEAST} photos lie within and {share} of first answers are right: nothing is believed"
        )
    else:
        from vpr_eval import wilson_interval

        low = wilson_interval(found.right, found.believed).low
        nearest, farthest = found.interval
        print(
            f"  believed up to distance {found.threshold:.4f} (95 %: {nearest:.4f} .. {farthest:.4f}): "
            f"{found.right} of {found.believed} right within {found.within:g} m (at least {100 * low:.0f} %, 95 %)"
        )
    print(as_text(judged) if judged else "  fewer than 20 photos: too few to measure what this is worth")
