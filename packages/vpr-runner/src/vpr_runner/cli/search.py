"""``vpr search``: where was this photo taken?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vpr_runner.cli.model import open_model
from vpr_runner.cli.options import DeviceOption, JsonOption, PluginOption, QuietOption, SetOption

if TYPE_CHECKING:
    from vpr_core import ComponentConfig, Registry
    from vpr_core.types import Neighbours
    from vpr_runner import Descriptors
    from vpr_runner.cli.images import Origin

__all__ = ["search"]

EPILOG = """\b
Examples:
  vpr extract runs/first photos/ -o map/       once
  vpr search map/ query.jpg                    file, distance and position of the five nearest images
  vpr search map/ a.jpg b.jpg -k 20 --json
  vpr search map/ query.jpg --model runs/first --set index='{type: hnsw}'

Distances are those of the index (Euclidean between unit descriptors: 0 the same, 2 opposite)."""


def search(
    database: Annotated[
        Path, typer.Argument(metavar="MAP", help="Folder that `vpr extract` wrote.", show_default=False)
    ],
    queries: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Photos to look up.", show_default=False)],
    count: Annotated[int, typer.Option("--count", "-k", min=1, metavar="N", help="Answers for each photo.")] = 5,
    model: Annotated[
        Path | None, typer.Option("--model", metavar="MODEL", help="Default: the one that made the map.")
    ] = None,
    settings: SetOption = None,
    plugin: PluginOption = None,
    device: DeviceOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Find the images of a map that look most like the given photos."""
    from vpr_core import UsageError
    from vpr_runner.cli.images import files_as_images, read_origin

    images = files_as_images(queries)
    origin = read_origin(database)
    source = model or origin.model
    if source is None:
        raise UsageError(
            f"{database} does not say which model made it; if `vpr extract` wrote that folder, add --model MODEL"
        )
    retriever, config, registry = open_model(source, plugins=plugin, settings=settings, device=device, quiet=quiet)

    from vpr_runner import load_descriptors
    from vpr_runner.encoding.compute import Compute
    from vpr_runner.encoding.encode import encode_all
    from vpr_runner.encoding.source import ImageSource
    from vpr_runner.network.storage import fingerprint

    descriptors = load_descriptors(database)
    if descriptors.fingerprint != fingerprint(retriever, config):
        raise UsageError(
            f"{database} was made with another model than {source}, or with another image size; descriptors of two "
            "models cannot be compared: name the right one with --model, or extract again"
        )
    descriptors.verify()  # all of them are read anyway
    compute = Compute.of(config.compute, config.image)
    rows, _ = encode_all(retriever.to(compute.device), ImageSource(images), compute=compute)
    found, names = _neighbours(descriptors, rows, count, config.index, registry)
    answers = [_answers(found, names, number, origin) for number in range(len(queries))]
    if as_json:
        print(json.dumps([{"query": str(q), "answers": a} for q, a in zip(queries, answers, strict=True)], indent=2))
        return
    for query, answer in zip(queries, answers, strict=True):
        print(query)
        width = max(len(item["image"]) for item in answer)
        for item in answer:
            where = f"  x {item['x']:.2f}  y {item['y']:.2f}" if "x" in item else ""
            print(f"  {item['rank']:>3}  {item['distance']:.4f}  {item['image']:<{width}}{where}".rstrip())


def _neighbours(
    descriptors: Descriptors, queries: Any, count: int, index: ComponentConfig, registry: Registry
) -> tuple[Neighbours, list[str]]:
    """Search the readable rows of a map; returns the neighbours and the names that their positions mean."""
    import numpy as np

    from vpr_core import UsageError

    built = registry.build("index", index, descriptors.shape[1])
    rows = np.asarray(descriptors[:], dtype=np.float32)
    readable = np.flatnonzero(np.isfinite(rows).all(axis=1))
    if len(readable) == 0:
        raise UsageError(f"no image of the map could be read ({len(rows)} are listed); look at what it was made of")
    built.add(rows[readable])
    names = [descriptors.names[row] for row in readable.tolist()]
    return built.search(queries, min(count, len(names))), names


def _answers(found: Neighbours, names: list[str], number: int, origin: Origin) -> list[dict[str, Any]]:
    answers = []
    for rank, (distance, position) in enumerate(zip(found.distance[number], found.index[number], strict=True), 1):
        if position < 0:  # an approximate index may find fewer
            continue
        item: dict[str, Any] = {"rank": rank, "distance": float(distance), "image": names[int(position)]}
        if names[int(position)] in origin.positions:
            item["x"], item["y"] = origin.positions[names[int(position)]]
        answers.append(item)
    return answers
