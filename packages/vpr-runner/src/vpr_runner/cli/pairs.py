"""``vpr pairs``: which images to match, for reconstruction and localisation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from vpr_runner.maps.opened import Map
    from vpr_runner.pairs.choose import ImagePairs, Side

__all__ = ["pairs"]

EPILOG = """\b
Examples:
  vpr pairs map/ -o pairs.txt                              the 20 most similar of each image, for hloc and COLMAP
  vpr pairs map/ --queries asked/ -k 10 -o pairs.txt       queries first, database second
  vpr pairs drive/ --min-gap 50 --min-score 0.6 -o loops.csv      a drive: not the frames next to one another
  vpr pairs map/ --radius 200 -o pairs.txt                 nobody further away than 200 m, where positions are known
  vpr pairs map/ -o pairs.txt --format kapture
  vpr pairs map/ --format hloc -o global-feats-vpr.h5      descriptors for hloc's own pairs_from_retrieval
  vpr pairs map/ --format kapture-features -o kapture/ --type netvlad
  vpr pairs --from-poses images.txt --radius 15 --angle 45 -o pairs.txt     COLMAP's images.txt or a TUM trajectory

MAP and --queries are folders that `vpr extract` wrote, with one network. Scores are cosines of descriptors, 1 the same.
Beside the list stands FILE.json: model, image size, rules, number of pairs."""

Format = Literal["text", "kapture", "csv", "hloc", "kapture-features"]


def pairs(
    database: Annotated[Path | None, typer.Argument(metavar="[MAP]", show_default=False)] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where the list goes.", show_default=False)
    ] = None,
    queries: Annotated[
        Path | None, typer.Option("--queries", metavar="MAP", help="Pair these with MAP; default: MAP with itself.")
    ] = None,
    form: Annotated[
        Format | None, typer.Option("--format", "-f", help="Default: csv for FILE.csv, else text (hloc and COLMAP).")
    ] = None,
    matched: Annotated[
        int, typer.Option("--num-matched", "-k", min=1, metavar="K", help="Partners of an image, at most.")
    ] = 20,
    score: Annotated[
        float | None, typer.Option("--min-score", min=-1, max=1, metavar="S", help="Least similarity.")
    ] = None,
    gap: Annotated[
        int, typer.Option("--min-gap", min=1, metavar="N", help="Within MAP: not the N-1 images before and after.")
    ] = 1,
    radius: Annotated[
        float | None, typer.Option("--radius", min=0, metavar="M", help="At most so far apart, in metres.")
    ] = None,
    poses: Annotated[
        Path | None, typer.Option("--from-poses", metavar="FILE", help="Pairs of cameras instead, no descriptors.")
    ] = None,
    angle: Annotated[
        float, typer.Option("--angle", min=0, max=180, metavar="DEG", help="With poses: views at most so far apart.")
    ] = 60.0,
    rename: Annotated[
        bool, typer.Option("--rename", help="Names that the format cannot hold get new ones, listed in FILE.names.csv.")
    ] = False,
    kind: Annotated[str, typer.Option("--type", metavar="NAME", help="Of kapture's features.")] = "vpr",
) -> None:
    """Write the pairs of images that are worth matching, as hloc, COLMAP and kapture read them."""
    from vpr_core import UsageError

    if output is None:
        raise UsageError("--output: name the file that the list goes to")
    if (database is None) == (poses is None):
        raise UsageError("which images? Name a MAP that `vpr extract` wrote, or --from-poses FILE (one of the two)")
    wanted: Format = form or ("csv" if output.suffix == ".csv" else "text")
    if poses is not None:
        if wanted in ("hloc", "kapture-features") or queries is not None:
            raise UsageError("--from-poses: gives pairs only; leave out --queries, and take text, kapture or csv")
        found = _by_pose(poses, matched=matched, radius=radius, angle=angle)
        _write(found, output, form=wanted, rename=rename, about={"poses": poses.name, "radius": radius, "angle": angle})
        return
    from vpr_runner.maps.opened import open_map
    from vpr_runner.pairs.choose import Rules, choose_pairs

    opened = open_map(Path(str(database)))
    about = {"model": opened.descriptors.fingerprint, "images": len(opened.descriptors)}
    if wanted in ("hloc", "kapture-features"):
        _write_features(opened, output, form=wanted, kind=kind, about=about)
        return
    asked = None if queries is None else open_map(queries)
    if asked is not None and asked.descriptors.fingerprint != opened.descriptors.fingerprint:
        raise UsageError(
            f"{queries} and {database} were made with different networks or image sizes; extract one again"
        )
    rules = Rules(matched=matched, score=score, gap=gap, radius=radius)
    one, other = (_side(opened), None) if asked is None else (_side(asked), _side(opened))
    if asked is not None and radius is not None and asked.places.frame != opened.places.frame:
        one, other = _in_one_frame(asked, opened)
    _write(choose_pairs(one, other, rules), output, form=wanted, rename=rename, about={**about, **vars(rules)})


def _by_pose(file: Path, *, matched: int, radius: float | None, angle: float) -> ImagePairs:
    from vpr_core import UsageError
    from vpr_runner.pairs.poses import pairs_by_pose, read_poses

    if radius is None:
        raise UsageError("--from-poses: say how far apart cameras may stand, with --radius M (in the file's unit)")
    return pairs_by_pose(read_poses(file), matched=matched, radius=radius, angle=angle)


def _side(opened: Map) -> Side:
    from vpr_runner.pairs.choose import Side

    return Side(names=opened.places.names, rows=opened.descriptors, points=opened.places.xy)


def _in_one_frame(asked: Map, opened: Map) -> tuple[Side, Side]:
    """Two maps may count metres from different points: both are brought to the frame of the second."""
    from dataclasses import replace

    from vpr_core import UsageError

    frame, degrees = opened.places.frame, asked.places.degrees
    if frame is None or degrees is None:
        raise UsageError(
            "--radius: the two maps count metres from different points, and nothing ties them to the earth"
        )
    return replace(_side(asked), points=frame.to_metres(degrees)), _side(opened)


def _write(found: ImagePairs, output: Path, *, form: str, rename: bool, about: dict[str, Any]) -> None:
    from dataclasses import replace

    from vpr_runner.files.atomic import write_json, write_text
    from vpr_runner.pairs.formats import FORMATS, renamed

    if rename:
        new = renamed([*found.first, *found.second], form=form)
        found = replace(
            found, first=tuple(new[name] for name in found.first), second=tuple(new[name] for name in found.second)
        )
        changed = {old: name for old, name in new.items() if old != name}
        if changed:
            _write_names(output.with_name(f"{output.name}.names.csv"), changed)
    write_text(output, FORMATS[form](found))
    write_json(output.with_name(f"{output.name}.json"), {"pairs": len(found), "format": form, **about})
    print(f"{len(found)} pairs in {output}")


def _write_names(file: Path, changed: dict[str, str]) -> None:
    import csv
    import io

    from vpr_runner.files.atomic import write_text

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "written"])
    writer.writerows(changed.items())
    write_text(file, text.getvalue())
    print(f"{len(changed)} names had to be changed: {file}")


def _write_features(opened: Map, output: Path, *, form: str, kind: str, about: dict[str, Any]) -> None:
    from vpr_runner.pairs.features import write_hloc_features, write_kapture_features

    if form == "hloc":
        count = write_hloc_features(output, _side(opened), sizes=_sizes(opened), about=about)
    else:
        count = write_kapture_features(output, _side(opened), kind=kind, about=about)
    print(f"{count} descriptors in {output}")


def _sizes(opened: Map) -> dict[str, tuple[int, int]] | None:
    """Width and height of the images, as hloc keeps them; None where the images are not where they were."""
    from PIL import Image

    if opened.root is None or not opened.root.is_dir():
        return None
    found = {}
    for name in opened.places.names:
        try:
            with Image.open(opened.root / name) as image:
                found[name] = image.size
        except (OSError, ValueError):
            continue
    return found
