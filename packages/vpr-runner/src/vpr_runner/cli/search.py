"""``vpr search``: where was this photo taken?"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vpr_runner.cli.completing import model as model_name
from vpr_runner.cli.loading import says_runtime
from vpr_runner.cli.model import open_model
from vpr_runner.cli.options import DeviceOption, JsonOption, PluginOption, QuietOption, SetOption
from vpr_runner.cli.pages import CsvOption, GeojsonOption, HtmlOption, KmlOption, Pages, TilesOption

if TYPE_CHECKING:
    from vpr_runner.locate.located import Located
    from vpr_runner.maps.opened import Map

__all__ = ["search"]

EPILOG = """\b
Examples:
  vpr extract runs/first photos/ -o map/       once
  vpr search map/ query.jpg                    file, distance and position of the five nearest images
  vpr search map/ query.jpg --html answer.html --images photos/     a page with a map, to look at
  vpr search map/ query.jpg --html answer.html --tiles https://tile.openstreetmap.org/{z}/{x}/{y}.png
  vpr search map/ *.jpg --geojson places.geojson --csv places.csv
  vpr search map/ a.jpg b.jpg -k 20 --json
  vpr search map/ query.jpg --model runs/first --set index='{type: hnsw}'
  vpr search map/ query.jpg --images photos/ --set rerank='{type: rootsift}'      the first answers by local evidence

An index of an approximate kind is built at the first search and kept in the map's folder; what it finds of the true
neighbours is said then.

Below the answers stands one place: the median of those of the ten nearest that agree, how far they lie apart, and
whether to believe it, which `vpr calibrate map/` learns from photos whose place is known.

Distances are those of the index (Euclidean between unit descriptors: 0 the same, 2 opposite)."""


def search(
    database: Annotated[
        Path, typer.Argument(metavar="MAP", help="Folder that `vpr extract` wrote.", show_default=False)
    ],
    queries: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Photos to look up.", show_default=False)],
    count: Annotated[int, typer.Option("--count", "-k", min=1, metavar="N", help="Answers for each photo.")] = 5,
    html: HtmlOption = None,
    tiles: TilesOption = None,
    geojson: GeojsonOption = None,
    kml: KmlOption = None,
    table: CsvOption = None,
    pictures: Annotated[
        Path | None,
        typer.Option("--images", metavar="DIR", help="Folder of the map's images, for the page and for re-ranking."),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option("--model", metavar="MODEL", help="Default: the one in the map.", autocompletion=model_name),
    ] = None,
    settings: SetOption = None,
    plugin: PluginOption = None,
    device: DeviceOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Find the images of a map that look most like the given photos."""
    from vpr_core import UsageError
    from vpr_runner.cli.images import files_as_images
    from vpr_runner.maps.opened import open_map

    pages = Pages(html=html, tiles=tiles, geojson=geojson, kml=kml, csv=table)
    images = files_as_images(queries)
    opened = open_map(database)
    opened.verify_ahead()
    source = model or opened.network
    if source is None:
        raise UsageError(
            f"{database} holds no network (it was not written by `vpr extract`, or by an earlier version); name the "
            "one that made it with --model MODEL"
        )
    retriever, config, registry = open_model(
        source, plugins=plugin, settings=settings, device=device, quiet=quiet, builds={"index", "runtime", "reranker"}
    )

    import numpy as np

    from vpr_eval import Neighbours
    from vpr_runner.encoding.compute import Compute
    from vpr_runner.encoding.encode import encode_all
    from vpr_runner.encoding.execution import executing
    from vpr_runner.encoding.source import ImageSource
    from vpr_runner.locate.guess import ANSWERS, Guess, rows_of
    from vpr_runner.locate.reordered import reordered
    from vpr_runner.maps.computed import check_computed, learnt_by
    from vpr_runner.maps.index import nearest
    from vpr_runner.maps.mixing import offer_binary
    from vpr_runner.network.architecture import Architecture
    from vpr_runner.network.storage import fingerprint
    from vpr_runner.reranking.reorder import first_of

    descriptors = opened.descriptors
    architecture = Architecture.of(config)
    if descriptors.fingerprint != fingerprint(retriever, architecture):
        raise UsageError(
            f"{database} was made with another model than {source}, or with another image size or filter; descriptors "
            "of two models cannot be compared: name the right one with --model, or extract again"
        )
    # One photo that cannot be read costs its own answer, not those of the others.
    advice = None if quiet else offer_binary(descriptors, config.index.type)
    if advice is not None:
        print(advice, file=sys.stderr)
    compute = replace(Compute.of(config.compute, config.image), on_bad_image="skip")
    with executing(
        retriever, architecture, registry, compute=config.compute, images=images, calibrated=learnt_by(opened)
    ) as execution:
        check_computed(opened, execution, compute, asked=says_runtime(settings))
        rows, encoded = encode_all(retriever.to(compute.device), ImageSource(images), compute=compute)
    good = [number for number in range(len(queries)) if number not in encoded.failures]
    found: list[Located | None] = [None] * len(queries)
    if good:
        guess = Guess.of(opened)
        near, kept = nearest(
            descriptors,
            rows[good],
            max(count, ANSWERS, first_of(config.rerank)),
            folder=database,
            index=config.index,
            registry=registry,
        )
        near = Neighbours(near.distance, rows_of(near.index, kept))
        listed = (
            near
            if config.rerank is None
            else reordered(
                opened,
                near,
                rerank=config.rerank,
                registry=registry,
                queries=images,
                asked=np.array(good, dtype=np.int64),
                query_rows=rows[good],
                kept=kept,
                images=pictures,
                retriever=retriever,
                compute=compute,
                shown=not quiet,
            )
        )
        for number, asked in enumerate(good):
            located = guess(near.index[number], near.distance[number], count=count)
            if config.rerank is not None:  # the place and the belief stay those of the distances
                order = guess(listed.index[number], listed.distance[number], count=count)
                located = replace(located, answers=order.answers)
            found[asked] = located
    if pages:
        _write(pages, opened, queries, found, encoded.failures, root=pictures)
    if as_json:
        pairs = zip(queries, found, strict=True)
        print(json.dumps([_as_json(q, one, encoded.failures.get(n)) for n, (q, one) in enumerate(pairs)], indent=2))
    else:
        for number, (query, one) in enumerate(zip(queries, found, strict=True)):
            _print(query, one, encoded.failures.get(number))
    if encoded.failures:
        print(f"{len(encoded.failures)} of {len(queries)} photos could not be read", file=sys.stderr)
        raise typer.Exit(1)


def _write(
    pages: Pages,
    opened: Map,
    queries: Sequence[Path],
    found: Sequence[Located | None],
    failures: Mapping[int, str],
    *,
    root: Path | None,
) -> None:
    from vpr_runner.files.provenance import provenance
    from vpr_runner.pages.of_search import of_search

    said = {"map": opened.folder.name, "model": opened.descriptors.fingerprint, **provenance()}
    shown = of_search(opened, queries, found, images=root, failures=failures, provenance=said)
    pages.write(lambda: shown)


def _as_json(query: Path, located: Located | None, failure: str | None) -> dict[str, Any]:
    answers = [] if located is None else [answer.as_dict() for answer in located.answers]
    estimate = None if located is None else located.estimate()
    return {
        "query": str(query),
        "answers": answers,
        **({"estimate": estimate} if estimate else {}),
        **({"unreadable": failure} if failure else {}),
    }


def _print(query: Path, located: Located | None, failure: str | None) -> None:
    print(query)
    if failure or located is None:
        print(f"  unreadable: {failure}")
        return
    width = max((len(answer.image) for answer in located.answers), default=0)
    for answer in located.answers:
        place = answer.place
        where = f"  {place['lat']:.7f}, {place['lon']:.7f}" if "lat" in place else ""
        if not where and "x" in place:
            where = f"  x {place['x']:.2f}  y {place['y']:.2f}"
        print(f"  {answer.rank:>3}  {answer.distance:.4f}  {answer.image:<{width}}{where}".rstrip())
    if located.position:
        print(f"  place: {located}")
