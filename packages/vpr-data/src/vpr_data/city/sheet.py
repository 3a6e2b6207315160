"""A picture of a split: queries, what is right and near, what is right and faces away, what is wrong but alike."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vpr_data.city.draws import I64, keyed_rng
from vpr_data.city.files import write_atomic

if TYPE_CHECKING:
    from vpr_data.images.image_set import ImageSet
    from vpr_data.places.splits import PlaceSplit

__all__ = ["contact_sheet", "save_sheet"]

_MARGIN, _LABEL = 6, 30
_GREEN, _RED, _GREY = (34, 139, 60), (190, 40, 40), (60, 60, 60)


def contact_sheet(
    split: PlaceSplit, *, rows: int = 4, positives: int = 2, negatives: int = 3, seed: int = 0, cell: int = 176
) -> Image.Image:
    """Lay out ``rows`` queries, one a row: the query, ``positives`` within the radius, ``negatives`` beyond it.

    The first positives bear the query's ``place`` (the same spot, facing the same way); the last one faces away where
    the set has such an image. Negatives are the images beyond the training radius whose thumbnails resemble the query's
    most.

    Args:
        split: any split whose image sets have ``place`` labels.
        rows: number of queries, drawn with ``seed``, each from another visit where there are enough visits.
        positives: columns of positives.
        negatives: columns of negatives.
        seed: of the draw.
        cell: width of an image in pixels.
    """
    database, queries = split.database, split.queries
    if database.place is None or queries.place is None:
        raise ValueError(f"split {split.name!r} needs place labels for a contact sheet; it has none")
    shown = _one_of_each_visit(queries, rows, seed)
    right = split.positives()
    never = split.within(split.training.negative)
    pool = keyed_rng(seed, 61).permutation(len(database))[:400]
    small = np.stack([_thumbnail(database.path(int(i))) for i in pool])
    with Image.open(queries.path(0)) as first:
        height = round(cell * first.height / first.width)
    columns = 1 + positives + negatives
    size = (columns * (cell + _MARGIN) + _MARGIN, len(shown) * (height + _LABEL + _MARGIN) + _MARGIN)
    sheet = Image.new("RGB", size, (255, 255, 255))
    for row, query in enumerate(shown):
        near = np.asarray(right[query])
        same = near[database.place[near] == queries.place[query]]
        other = near[database.place[near] != queries.place[query]]
        chosen = [*same[: positives - 1], *other[::-1]][:positives]
        far = ~np.isin(pool, np.asarray(never[query]))
        alike = ((small - _thumbnail(queries.path(query))) ** 2).sum(axis=1)
        wrong = pool[far][np.argsort(alike[far], kind="stable")][:negatives]
        cells = [(queries, query, "query", _GREY)]
        cells += [(database, int(i), "positive", _GREEN) for i in chosen]
        cells += [(database, int(i), "negative", _RED) for i in wrong]
        top = _MARGIN + row * (height + _LABEL + _MARGIN)
        for column, (images, position, word, colour) in enumerate(cells):
            away = float(np.linalg.norm(images.xy[position] - queries.xy[query]))
            label = word if images is queries else f"{word}, {away:.0f} m"
            _cell(sheet, images, position, label, colour, (_MARGIN + column * (cell + _MARGIN), top), (cell, height))
    return sheet


def save_sheet(sheet: Image.Image, path: Path) -> None:
    """Write a sheet as PNG with 256 colours, whole or not at all."""
    file = io.BytesIO()
    sheet.quantize(256, dither=Image.Dither.NONE).save(file, format="PNG", optimize=True)
    write_atomic(path, file.getvalue())


def _one_of_each_visit(queries: ImageSet, rows: int, seed: int) -> list[int]:
    order = keyed_rng(seed, 60).permutation(len(queries))
    if queries.time is None:
        return [int(i) for i in order[:rows]]
    times = queries.time[order]
    rank: I64 = np.array([(times[:k] == times[k]).sum() for k in range(len(times))], dtype=np.int64)
    return [int(i) for i in order[np.argsort(rank, kind="stable")][:rows]]


def _thumbnail(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    with Image.open(path) as image:
        grey = np.asarray(image.convert("RGB").resize((16, 12), Image.Resampling.BOX), dtype=np.float64)
    return np.asarray((grey - grey.mean()) / max(float(grey.std()), 1.0), dtype=np.float64).ravel()


def _cell(
    sheet: Image.Image,
    images: ImageSet,
    position: int,
    label: str,
    colour: tuple[int, int, int],
    corner: tuple[int, int],
    size: tuple[int, int],
) -> None:
    with Image.open(images.path(position)) as image:
        picture = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    draw, (x, y) = ImageDraw.Draw(sheet), corner
    sheet.paste(picture, corner)
    draw.rectangle((x - 2, y - 2, x + size[0] + 1, y + size[1] + 1), outline=colour, width=2)
    time = "" if images.time is None else _month(int(images.time[position]))
    font = ImageFont.load_default(size=11)
    draw.text((x, y + size[1] + 3), label, fill=colour, font=font)
    draw.text((x, y + size[1] + 15), time, fill=_GREY, font=font)


def _month(time: int) -> str:
    """``201407`` as ``2014-07``; any other number as it is."""
    return f"{time // 100}-{time % 100:02d}" if 100_001 <= time <= 999_912 else str(time)
