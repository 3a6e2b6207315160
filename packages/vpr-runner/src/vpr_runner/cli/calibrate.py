"""``vpr calibrate``: when is an answer of a map to be believed?"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from vpr_runner.cli.model import open_model
from vpr_runner.cli.options import DeviceOption, JsonOption, PluginOption, QuietOption, SetOption

__all__ = ["calibrate"]

EPILOG = """\b
Examples:
  vpr calibrate map/                      each image of the map, looked up among the others
  vpr calibrate map/ other-photos/        better: photos of the same area with positions, taken another day
  vpr calibrate map/ --split test --set 'dataset={type: city}'     queries of a data set
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
        typer.Option("--split", metavar="NAME", help="Queries of this split of `--set dataset`."),
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
    if opened.network is None or opened.seal is None:
        raise UsageError(f"{database} was written by an earlier version; extract it again to calibrate it")
    retriever, config, registry = open_model(
        opened.network,
        plugins=plugin,
        settings=settings,
        device=device,
        quiet=quiet,
        builds={"index", "runtime", *(("dataset",) if split else ())},
    )

    from vpr_runner.files import atomic
    from vpr_runner.files.lock import folder_lock
    from vpr_runner.files.provenance import provenance
    from vpr_runner.locate.asking import ask_others, leave_one_out, truth_of
    from vpr_runner.locate.calibrate import learn
    from vpr_runner.locate.calibration import CALIBRATION_FILE
    from vpr_runner.locate.guess import rows_digest, spacing
    from vpr_runner.locate.judge import as_text, judge
    from vpr_runner.maps.index import MapIndex
    from vpr_runner.maps.write import seal_map
    from vpr_runner.network.storage import fingerprint

    if opened.descriptors.fingerprint != fingerprint(retriever, config):
        raise UsageError(f"{database}: --set changes what the network computes; its descriptors could not be compared")
    index = MapIndex(opened.descriptors, folder=database, index=config.index, registry=registry)
    if photos is None and split is None:
        asked, learnt = leave_one_out(opened, index, most=most), "its own images, each without itself"
    else:
        from vpr_data.tables.photos import open_photos
        from vpr_runner.data import split_of
        from vpr_runner.encoding.compute import Compute
        from vpr_runner.encoding.encode import encode_all
        from vpr_runner.encoding.source import ImageSource

        if split is not None:
            images, name = split_of(config.dataset, registry, name=split).queries, f"queries of the split {split}"
        else:
            images, name = open_photos(Path(str(photos))).images, f"photos in {photos}"
        truth = truth_of(images, opened)
        compute = replace(Compute.of(config.compute, config.image), on_bad_image="skip")
        rows, encoded = encode_all(retriever.to(compute.device), ImageSource(images), compute=compute, shown=not quiet)
        good = [row for row in range(len(rows)) if row not in encoded.failures]
        asked, learnt = ask_others(opened, index, rows[good], truth[good]), name
        if encoded.failures:
            print(f"{len(encoded.failures)} photos could not be read", file=sys.stderr)
    floor = spacing(opened.places) / 2
    found = learn(
        asked,
        opened.places,
        floor=floor,
        within=within,
        precision=precision,
        learnt=learnt,
        rows=rows_digest(opened),
    )
    judged = judge(asked, opened.places, floor=floor, within=within, precision=precision) if len(asked) >= 20 else None
    with folder_lock(database, purpose="vpr calibrate"):
        atomic.write_json(database / CALIBRATION_FILE, found.to_json())
        seal_map(database)
    facts = {"calibration": found.to_json(), "evaluation": judged, "provenance": provenance()}
    if output is not None:
        atomic.write_json(output, facts)
    if as_json:
        print(json.dumps(facts, indent=2))
        return
    print(f"{database}: learnt from {found.photos} photos ({learnt})")
    if found.threshold is None or found.interval is None:
        print(f"  no distance at which {100 * precision:g} % of first answers are right: nothing is believed")
    else:
        from vpr_eval import wilson_interval

        low = wilson_interval(found.right, found.believed).low
        nearest, farthest = found.interval
        print(
            f"  believed up to distance {found.threshold:.4f} (95 %: {nearest:.4f} .. {farthest:.4f}): "
            f"{found.right} of {found.believed} right within {within:g} m (at least {100 * low:.0f} %, 95 %)"
        )
    print(as_text(judged) if judged else "  fewer than 20 photos: too few to measure what this is worth")
