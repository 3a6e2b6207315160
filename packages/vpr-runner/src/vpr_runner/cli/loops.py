"""``vpr loops``: where a drive comes back to a place that it has seen."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vpr_runner.cli.options import DeviceOption, JsonOption, PluginOption, QuietOption, SetOption

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from vpr_runner.loops.offline import FoundLoops
    from vpr_runner.loops.truth import Judgement
    from vpr_runner.maps.opened import Map

__all__ = ["loops"]

EPILOG = """\b
Examples:
  vpr loops map/ -o loops/                                     a drive that `vpr extract` described
  vpr loops drive.mp4 --model runs/first --every 500ms -o loops/
  vpr loops frames/ --model runs/first --rate 10 -o loops/     frames in the order of their names, ten a second
  vpr loops map/ --max-distance 0.7 --support 4 --window 6 -o loops/
  vpr loops map/ --truth groundtruth.txt --within 10 -o loops/        precision and recall, too

Without --max-distance the threshold is that of the map's calibration; one learnt from the drive itself is too loose, as
neighbouring frames help each other: `vpr calibrate map/ other-drive/`, or --truth, which says what would do.

Times come from --times, --rate, or file names (walk_00012500ms.jpg, 1305031102.175304.png, EuRoC's nanoseconds). The
folder then holds loops.csv, loops.txt (TUM-style pairs of time stamps), loops.g2o, similarity.png, report.json, and
with positions precision_recall.csv. From Python, online: LoopDetector.open(MODEL).add(image, time)."""


def loops(
    source: Annotated[
        Path, typer.Argument(metavar="DRIVE", help="Map, folder of frames, or video.", show_default=False)
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Where the files go.", show_default=False)
    ] = None,
    model: Annotated[
        Path | None, typer.Option("--model", metavar="MODEL", help="Describes frames or a video, as of `vpr extract`.")
    ] = None,
    every: Annotated[
        str | None, typer.Option("--every", metavar="TIME", help="Between frames of a video: 1s (default), 500ms.")
    ] = None,
    rate: Annotated[float | None, typer.Option("--rate", metavar="HZ", help="Images a second.")] = None,
    times: Annotated[
        Path | None, typer.Option("--times", metavar="FILE", help="CSV with name and time, or lines `time name`.")
    ] = None,
    exclude: Annotated[
        float, typer.Option("--exclude", min=0, metavar="SECONDS", help="Not the last so many seconds.")
    ] = 30.0,
    distance: Annotated[
        float | None,
        typer.Option("--max-distance", min=0, max=2, metavar="D", help="Default: the calibration's; else any."),
    ] = None,
    support: Annotated[
        int, typer.Option("--support", min=1, metavar="K", help="Of the last N images, so many must agree.")
    ] = 3,
    window: Annotated[int, typer.Option("--window", min=1, metavar="N", help="The N of K of N.")] = 5,
    pace: Annotated[
        float, typer.Option("--pace", min=0.01, metavar="X", help="Passed again at up to X times the speed.")
    ] = 3.0,
    answers: Annotated[int, typer.Option("--answers", min=1, metavar="N", help="Loops of an image, at most.")] = 1,
    capacity: Annotated[
        int,
        typer.Option("--capacity", min=2, metavar="N", help="Images remembered; when full, every second goes."),
    ] = 20_000,
    truth: Annotated[
        Path | None,
        typer.Option("--truth", metavar="FILE", help="CSV name,x,y or TUM trajectory; default: the map's positions."),
    ] = None,
    within: Annotated[
        float, typer.Option("--within", min=0.001, metavar="M", help="Metres within which two images show one place.")
    ] = 25.0,
    settings: SetOption = None,
    plugin: PluginOption = None,
    device: DeviceOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Find loop closures within one drive, by a threshold and temporal consistency, and say what they are worth."""
    from vpr_core import UsageError

    if output is None:
        raise UsageError("--output: name the folder that the files go to")
    if rate is not None and not 0 < rate < 1e6:
        raise UsageError(f"--rate: {rate:g} images a second; a number above 0 is wanted")
    if support > window:
        raise UsageError(f"--support: {support} of the last {window} images can never agree; at most --window")
    is_map = source.is_dir() and (source / "manifest.json").is_file()
    if is_map and (model is not None or every is not None):
        raise UsageError(f"{source} is a map, which holds its network and its frames; leave out --model and --every")

    from vpr_runner.maps.opened import open_map

    where = source if is_map else output / "map"
    if not is_map:
        _describe(source, where, model, every=every, settings=settings, plugin=plugin, device=device, quiet=quiet)

    import numpy as np

    from vpr_runner.locate.guess import read_calibration
    from vpr_runner.loops.offline import find_loops
    from vpr_runner.loops.rules import LoopRules
    from vpr_runner.loops.times import as_rising, times_of
    from vpr_runner.progress import Progress

    opened = open_map(where)
    taken, said = times_of(opened.places.names, table=times, rate=rate)
    order = as_rising(taken, opened.places.names)
    names, taken = [opened.places.names[row] for row in order], taken[order]
    calibration = read_calibration(opened) if distance is None else None
    limit = calibration.threshold if calibration is not None else distance
    if calibration is not None and limit is None:
        raise UsageError(
            f"{where}: its calibration found no distance to believe; give --max-distance, or calibrate it with other "
            "photos"
        )
    rules = LoopRules(
        exclude=exclude,
        distance=None if limit is None else min(2.0, limit),
        window=window,
        support=support,
        pace=pace,
        candidates=max(5, answers),
        answers=answers,
    )
    rows = np.asarray(opened.descriptors[order], dtype=np.float32)
    with Progress(len(rows), "loops", shown=not quiet) as bar:
        found = find_loops(rows, taken, rules, capacity=capacity, step=lambda: bar.update(1))
    judged, right = _judged(found, opened, order, names, taken, truth=truth, within=within, exclude=exclude)
    facts: dict[str, Any] = {
        "images": len(names),
        "seconds": float(taken[-1] - taken[0]),
        "times": said,
        "rules": vars(rules),
        "threshold": "calibration" if calibration is not None else "given" if limit is not None else None,
        "loops": len(found.loops),
        "latency": None if found.latency is None else vars(found.latency),
        "remembered": {"images": found.kept[0], "bytes": found.kept[1]},
        "judged": None if judged is None else {"within": within, **judged.as_dict()},
    }
    _write(output, found, names, rows, right, judged, facts, within=within, model=opened.descriptors.fingerprint)
    if as_json:
        print(json.dumps({**facts, "found": [loop.as_dict() for loop in found.loops]}, indent=2))
        return
    if limit is None:
        print(
            "warning: no threshold: whatever is consistent counts as a loop; give --max-distance, or calibrate the map",
            file=sys.stderr,
        )
    _say(facts, found, judged, output)


def _describe(
    source: Path,
    where: Path,
    model: Path | None,
    *,
    every: str | None,
    settings: list[str] | None,
    plugin: list[Path] | None,
    device: str | None,
    quiet: bool,
) -> None:
    """Make a map of frames or of a video; one that was begun goes on."""
    from vpr_runner.cli.photos import Photos
    from vpr_runner.cli.which import Opening
    from vpr_runner.maps.layout import NETWORK_FOLDER

    photos = Photos(source, output=where, every=every, gpx=None, gpx_offset=0.0, quiet=quiet)
    opening = Opening(
        plugins=plugin, settings=settings, device=device, quiet=quiet, builds={"engine", "runtime"}, images=photos
    )
    kept = where / NETWORK_FOLDER
    retriever, config, registry = opening.usual(kept) if model is None else opening.network(model, kept=kept)

    from vpr_runner.maps.write import write_map

    images = photos(config.compute)
    positioned = images.located is None or bool(images.located.any())
    result = write_map(
        retriever, images, output=where, config=config, positioned=positioned, progress=not quiet, registry=registry
    )
    if result.failures:
        print(f"{len(result.failures)} frames could not be read and close no loop", file=sys.stderr)


def _judged(
    found: FoundLoops,
    opened: Map,
    order: npt.NDArray[np.int64],
    names: list[str],
    times: npt.NDArray[np.float64],
    *,
    truth: Path | None,
    within: float,
    exclude: float,
) -> tuple[Judgement | None, list[bool | None]]:
    import numpy as np

    from vpr_runner.loops.truth import Truth, judge, read_truth

    points = None if truth is None else read_truth(truth, names, times)
    metres = opened.places.xy
    if points is None and metres is not None:
        points = metres[order]
    if points is None:
        return None, [None] * len(found.loops)
    known = np.asarray(np.isfinite(points).all(axis=1), dtype=bool)
    place = Truth(points=points, within=within)
    judged = judge(found.loops, found.every, place, place.closes(times, exclude=exclude))
    return judged, [
        place.is_loop(loop.query, loop.match) if known[loop.query] and known[loop.match] else None
        for loop in found.loops
    ]


def _write(
    output: Path,
    found: FoundLoops,
    names: list[str],
    rows: npt.NDArray[Any],
    right: list[bool | None],
    judged: Judgement | None,
    facts: dict[str, Any],
    *,
    within: float,
    model: str,
) -> None:
    from vpr_runner.files import atomic
    from vpr_runner.files.provenance import provenance
    from vpr_runner.loops.picture import draw_similarity
    from vpr_runner.loops.written import as_csv, as_g2o, as_tum

    atomic.write_text(output / "loops.csv", as_csv(found.loops, names, right))
    atomic.write_text(output / "loops.txt", as_tum(found.loops))
    atomic.write_text(output / "loops.g2o", as_g2o(found.loops, within=within))
    title = f"{len(names)} images, {len(found.loops)} loops"
    draw_similarity(output / "similarity.png", rows, found.loops, right=right, title=title)
    if judged is not None:
        lines = "".join(f"{at:.6f},{precision:.6f},{recall:.6f}\n" for at, precision, recall in judged.curve)
        atomic.write_text(output / "precision_recall.csv", f"distance,precision,recall\n{lines}")
    atomic.write_json(output / "report.json", {**facts, "model": model, "provenance": provenance()})  # last


def _say(facts: dict[str, Any], found: FoundLoops, judged: Judgement | None, output: Path) -> None:
    images, bytes_ = found.kept
    print(f"{facts['images']} images over {facts['seconds']:.1f} s (times {facts['times']})")
    limit = facts["rules"]["distance"]
    threshold = "any distance" if limit is None else f"distance up to {limit:.4f} ({facts['threshold']})"
    rules = facts["rules"]
    print(
        f"{len(found.loops)} loops: {threshold}, {rules['support']} of the last {rules['window']} images agree, not "
        f"the last {rules['exclude']:g} s"
    )
    if found.latency is not None:
        print(f"latency: {found.latency}; {images} images remembered in {bytes_ / 2**20:.1f} MiB")
    if judged is not None:
        print(judged)
    print(f"loops.csv, loops.txt, loops.g2o, similarity.png, report.json in {output}")
