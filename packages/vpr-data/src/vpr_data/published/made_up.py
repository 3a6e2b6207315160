"""Positions that VPR-datasets-downloader makes up for sets that have none: pairs 1000 m apart, frames 25 / 10.5 m."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vpr_data.tables.listing import list_images, name_columns

__all__ = ["check_pairs", "made_up_frames"]


def made_up_frames(folder: Path, *, root: Path, metres: float) -> tuple[list[str], list[int]]:
    """Return the images of a folder by their numbers: northing over ``metres``, which must come out whole.

    Raises:
        FileNotFoundError: no image is there.
        ValueError: a name bears no position, or one that was measured: it is of another set.
    """
    table = list_images(folder, root=root)
    found = name_columns(table, unit="m")
    numbered = []
    for row, (east, north) in enumerate(zip(found["x"], found["y"], strict=True)):
        try:
            number = float(north) / metres
            made_up = float(east) == 0 and abs(number - round(number)) * metres <= 0.06  # one decimal is written
        except ValueError:
            made_up = False
        if not made_up:
            raise ValueError(
                f"name of {table.where(row)}: easting {east}, northing {north}; in this set positions are made up, "
                f"easting 0 and northing a number times {metres:.4g}: these are images of another set"
            )
        numbered.append((round(float(north) / metres), table.columns["name"][row]))
    numbered.sort()
    return [name for _, name in numbered], [number for number, _ in numbered]


def check_pairs(root: Path, database: Sequence[object], queries: Sequence[object]) -> None:
    """Refuse a set of pairs of which one half is missing.

    Args:
        root: for the message.
        database: what pairs are known by, one a database image.
        queries: likewise.

    Raises:
        ValueError: the two sides differ; counts and names them.
    """
    sides = {"database": set(database), "queries": set(queries)}
    for side, other in (("database", "queries"), ("queries", "database")):
        if len(sides[side]) != len(database if side == "database" else queries):
            raise ValueError(f"root {root}: two images of the {side} have one number")
        alone = sorted(sides[side] - sides[other], key=str)
        if alone:
            shown = ", ".join(map(str, alone[:5])) + (", ..." if len(alone) > 5 else "")
            raise ValueError(
                f"root {root}: {len(alone)} of {len(sides[side])} images of the {side} have no counterpart in the "
                f"{other}: {shown}; unpack the archive again, a set of pairs is whole or no set"
            )
