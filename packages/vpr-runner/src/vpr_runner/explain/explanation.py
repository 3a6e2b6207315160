"""From a network and images, or a split, to a folder of PNG files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.encode import evaluating
from vpr_runner.encoding.source import ImageSource, JoinedImages
from vpr_runner.evaluation.retrieval import answer
from vpr_runner.evaluation.some_queries import SomeQueries
from vpr_runner.explain.assignment import assignment_maps, has_assignment, largest_clusters
from vpr_runner.explain.examples import Example, retrieval_examples
from vpr_runner.explain.foretold import foretold, seconds_of
from vpr_runner.explain.occlusion import occlusion_map, square_positions
from vpr_runner.explain.pictures import (
    GREEN,
    RED,
    blank,
    heat_over,
    labelled,
    photograph,
    save_png,
    shown_at,
    side_by_side,
    stacked,
)
from vpr_runner.keys import sample
from vpr_runner.progress import Progress

if TYPE_CHECKING:
    from vpr_core import ComponentConfig, Registry
    from vpr_core.types import ImageSet, PlaceSplit
    from vpr_runner.network.retriever import Retriever

__all__ = ["Look", "draw", "explain_images", "explain_split", "photos_at"]

log = logging.getLogger(__name__)

_PAPERS_WINDOW = 100 / 480
_WINDOWS_STRIDE = 6


@dataclass(frozen=True, kw_only=True)
class Look:
    """What to draw.

    Attributes:
        occlusion, assignment, retrieval: the kinds of picture.
        window: side of the grey square; None: the paper's share of the shorter side, 100 of 480 pixels.
        stride: pixels between two squares; None: a sixth of the square.
        clusters: how many of the largest clusters are drawn.
        top: answers of a query that are drawn.
        wrong: only queries whose first answer is wrong; all queries are asked to find them.
    """

    occlusion: bool = True
    assignment: bool = True
    retrieval: bool = True
    window: int | None = None
    stride: int | None = None
    clusters: int = 8
    top: int = 5
    wrong: bool = False

    def square(self, image: Tensor) -> tuple[int, int]:
        """Window and stride for ``image (3, H, W)``."""
        window = self.window or max(1, round(_PAPERS_WINDOW * min(image.shape[1:])))
        return window, self.stride or max(1, window // _WINDOWS_STRIDE)


def explain_images(
    retriever: Retriever, images: ImageSet, *, compute: Compute, folder: Path, look: Look, progress: bool = True
) -> list[Path]:
    """Write occlusion and assignment maps of ``images``; return the files."""
    retriever = retriever.to(compute.device)
    with evaluating(retriever):
        return draw(retriever, images, [None] * len(images), compute, folder=folder, look=look, progress=progress)


def explain_split(
    retriever: Retriever,
    split: PlaceSplit,
    index: ComponentConfig,
    *,
    registry: Registry,
    compute: Compute,
    seed: int,
    folder: Path,
    look: Look,
    count: int = 4,
    progress: bool = True,
) -> tuple[list[Path], list[Example]]:
    """Write pictures of ``count`` queries of a split, drawn by ``seed``; return the files and what was found.

    Occlusion maps show the change of the descriptor, and of its distance to the best right answer (or to the best one).
    Nothing is drawn where ``look.wrong`` finds no query.
    """
    retriever = retriever.to(compute.device)
    every = np.arange(len(split.queries))
    chosen = every if look.wrong else sample(len(every), count, seed, "explained queries")
    asked: Any = SomeQueries(split, chosen)
    source = ImageSource(JoinedImages(asked.queries, split.database))
    answers = answer(retriever, asked, source, index, registry, depth=look.top, compute=compute, shown=progress)
    examples = retrieval_examples(answers.index, asked.positives(), queries=chosen.tolist(), top=look.top)
    if look.wrong:
        failed = np.array([example.query for example in examples if not any(example.right[:1])], dtype=np.int64)
        chosen = failed[sample(len(failed), count, seed, "explained queries")]
        examples = [examples[query] for query in chosen]
        asked = SomeQueries(split, chosen)
        source = ImageSource(JoinedImages(asked.queries, split.database))
    files: list[Path] = []
    if not examples:
        return files, examples
    with evaluating(retriever):
        if look.retrieval:
            path = folder / "retrieval.png"
            save_png(_sheet(source, asked, split, examples, compute), path)
            files.append(path)
        matches = [
            None if example.match is None else _descriptor(retriever, source, len(chosen) + example.match, compute)
            for example in examples
        ]
        files += draw(retriever, asked.queries, matches, compute, folder=folder, look=look, progress=progress)
    return files, examples


def draw(
    retriever: Retriever,
    images: ImageSet,
    matches: Sequence[Tensor | None],
    compute: Compute,
    *,
    folder: Path,
    look: Look,
    progress: bool,
) -> list[Path]:
    """Write occlusion and assignment maps of ``images``; what the former cost is measured and said beforehand."""
    files: list[Path] = []
    for position, image in _opened(ImageSource(images), len(images), compute):
        if look.occlusion and not files:
            _foretell(retriever, image, compute, look, images=len(images))
        stem = f"{position:02d}-{Path(images.names[position]).stem}.png"
        if look.occlusion:
            picture = _occlusion(retriever, image, matches[position], compute, look, shown=progress)
            save_png(picture, folder / "occlusion" / stem)
            files.append(folder / "occlusion" / stem)
        if look.assignment and has_assignment(retriever):
            save_png(_assignment(retriever, image, compute, look), folder / "assignment" / stem)
            files.append(folder / "assignment" / stem)
    return files


def _opened(source: ImageSource, count: int, compute: Compute) -> Iterator[tuple[int, Tensor]]:
    """Yield position and image ``(3, H, W)`` in 0..1, as the network sees it."""
    for position in range(count):
        for batch in source.batches([position], compute):
            yield position, batch.values[0].float() / 255


def _foretell(retriever: Retriever, image: Tensor, compute: Compute, look: Look, *, images: int) -> None:
    seconds = seconds_of(_describing(retriever, compute), image, batch=compute.batch)
    _, stride = look.square(image)
    said = foretold(seconds, height=image.shape[1], width=image.shape[2], stride=stride, images=images)
    if said:
        log.info("%s", said)


def _describing(retriever: Retriever, compute: Compute) -> Callable[[Tensor], Tensor]:
    def describe(images: Tensor) -> Tensor:
        with compute.autocast():
            descriptors: Tensor = retriever(images)
        return descriptors.float()

    return describe


def _occlusion(
    retriever: Retriever, image: Tensor, match: Tensor | None, compute: Compute, look: Look, *, shown: bool
) -> Any:
    window, stride = look.square(image)
    squares = len(square_positions(image.shape[1], stride)) * len(square_positions(image.shape[2], stride))
    backbone: Any = retriever.backbone
    grey = [float(mean) / float(backbone.input_scale) for mean in backbone.mean]
    with Progress(squares, "occlude", unit="square", shown=shown) as progress:
        found = occlusion_map(
            _describing(retriever, compute), image, fill=(grey[0], grey[1], grey[2]), window=window, stride=stride,
            match=match, batch=compute.batch, tick=progress.update,
        )  # fmt: skip
    photo = shown_at(photograph(image))
    parts = [
        labelled(photo, f"{image.shape[2]} x {image.shape[1]}, square of {window}"),
        labelled(heat_over(photo, found.change), f"descriptor changes by up to {float(found.change.max()):.3f}"),
    ]
    if found.farther is not None:
        low, high = float(found.farther.min()), float(found.farther.max())
        parts.append(labelled(heat_over(photo, found.farther, signed=True), f"match {low:+.3f} .. {high:+.3f} farther"))
    return side_by_side(parts)


def _assignment(retriever: Retriever, image: Tensor, compute: Compute, look: Look) -> Any:
    with compute.autocast():
        maps = assignment_maps(retriever, image[None])[0]
    photo = shown_at(photograph(image))
    share = maps.double().mean(dim=(1, 2))
    parts = [labelled(photo, f"{len(maps)} clusters")]
    parts += [
        labelled(heat_over(photo, maps[cluster]), f"cluster {cluster}: {100 * float(share[cluster]):.1f} %")
        for cluster in largest_clusters(maps, look.clusters)
    ]
    rows = [side_by_side(parts[start : start + 3]) for start in range(0, len(parts), 3)]
    return stacked(rows)


def _sheet(source: ImageSource, asked: Any, split: PlaceSplit, examples: Sequence[Example], compute: Compute) -> Any:
    """A row a query: the query, then its answers in green or red frames, with their distances on the ground."""
    rows = []
    unit = getattr(split.protocol, "unit", "m")
    for number, example in enumerate(examples):
        cells = [
            labelled(photo, asked.queries.names[number].rpartition("/")[2])
            for photo in photos_at(source, [number], compute)
        ]
        positions = [len(examples) + position for position in example.answers]
        for photo, position, right in zip(
            photos_at(source, positions, compute), example.answers, example.right, strict=True
        ):
            away = float(np.linalg.norm(split.database.xy[position] - asked.queries.xy[number]))
            text = f"{'right' if right else 'wrong'}" + (f", {away:.0f} {unit}" if unit in ("m", "frame") else "")
            cells.append(labelled(photo, text, colour=GREEN if right else RED, framed=True))
        rows.append(side_by_side(cells))
    return stacked(rows)


def photos_at(source: ImageSource, positions: Sequence[int], compute: Compute) -> list[Any]:
    """Pictures of images of the queries and the database; a grey one where an image cannot be read."""
    photos = []
    for position in positions:
        images = [batch.values[0].float() / 255 for batch in source.batches([position], compute)]
        photos.append(shown_at(photograph(images[0]), high=240) if images else blank())
    return photos


@torch.inference_mode()
def _descriptor(retriever: Retriever, source: ImageSource, position: int, compute: Compute) -> Tensor:
    batch = next(iter(source.batches([position], compute)))
    with compute.autocast():
        descriptors: Tensor = retriever(batch.values)
    return descriptors[0].float()
