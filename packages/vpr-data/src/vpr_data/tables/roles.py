"""Which images of a table or folder are database, which are queries, and in which split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vpr_data.tables.csv_table import read_csv, read_list
from vpr_data.tables.geojson import read_geojson
from vpr_data.tables.image_table import ImageTable
from vpr_data.tables.listing import list_images

__all__ = ["DATABASE", "LONE_SPLIT", "QUERIES", "Part", "parts_of_folders", "parts_of_pair", "parts_of_table"]

DATABASE = ("database", "db", "gallery", "reference", "references", "ref", "map")
QUERIES = ("queries", "query", "q", "probe")
"""Words in a role column, upper and lower case alike; the first one is the folder's name too."""
USUAL = ("train", "val", "test")
SPLIT_WORDS = {"training": "train", "validation": "val", "valid": "val", "dev": "val", "testing": "test"}
"""Other words for the usual splits, in lower case."""
LONE_SPLIT = "test"
"""Name of the only split of a set that does not speak of splits."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One split: a table of database images and one of queries; ``same``: every image is both."""

    split: str
    database: ImageTable
    queries: ImageTable
    same: bool = False


def parts_of_table(table: ImageTable) -> list[Part]:
    """Divide one table by its columns ``split`` and ``role``.

    Without roles every image is both a query and in the database. A ``split`` column that holds nothing but words for
    roles is taken for the role column.

    Raises:
        ValueError: a role is not understood, or a split lacks database or queries; names the row or the split.
    """
    if len(table) == 0:
        raise ValueError(f"{table.source}: lists no images")
    splits = _splits(table)
    roles = [text.lower() for text in table.columns.get("role", ())]
    if splits and not roles and set(splits) <= {*DATABASE, *QUERIES}:
        splits, roles = [], splits
    for row, role in enumerate(roles):
        if role not in DATABASE and role not in QUERIES:
            raise ValueError(
                f"role of {table.where(row)} is {role!r}; write {' or '.join(map(repr, DATABASE[:3]))} for the "
                f"database, {' or '.join(map(repr, QUERIES[:2]))} for queries, or name another column with "
                "columns: {role: ...}"
            )
    everything = range(len(table))
    parts = []
    for name in _ordered(splits):
        rows = [row for row in everything if not splits or splits[row] == name]
        if not roles:
            whole = table.take(rows)
            parts.append(Part(split=name, database=whole, queries=whole, same=True))
            continue
        database = table.take([row for row in rows if roles[row] in DATABASE])
        queries = table.take([row for row in rows if roles[row] in QUERIES])
        parts.append(_complete(Part(split=name, database=database, queries=queries)))
    return parts


def parts_of_pair(database: ImageTable, queries: ImageTable) -> list[Part]:
    """Divide a table of database images and one of queries by their ``split`` columns, which both or neither have."""
    if ("split" in database.columns) != ("split" in queries.columns):
        has, lacks = (database, queries) if "split" in database.columns else (queries, database)
        raise ValueError(f"{lacks.source} has no column 'split', {has.source} has one; both or neither must")
    splits = [_splits(table) for table in (database, queries)]
    parts = []
    for name in _ordered([*splits[0], *splits[1]]):
        taken = [
            table.take([row for row in range(len(table)) if not texts or texts[row] == name])
            for table, texts in zip((database, queries), splits, strict=True)
        ]
        parts.append(_complete(Part(split=name, database=taken[0], queries=taken[1])))
    return parts


def parts_of_folders(root: Path) -> list[Part]:
    """Find ``database`` and ``queries`` below ``root``, or below ``train``, ``val``, ``test`` or ``images/train`` ...

    Raises:
        FileNotFoundError: none of these folders is there; says what is looked for.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"root {root}: there is no such folder")
    lone = _pair(root)
    if lone is not None:
        return parts_of_pair(*lone)
    parts = []
    for above in (root, root / "images"):
        for split in USUAL:
            # A folder may bear another word for the split, as a cell may; its own name goes first.
            words = (split, *(word for word, meant in SPLIT_WORDS.items() if meant == split))
            pair = next((pair for word in words if (pair := _pair(above / word)) is not None), None)
            if pair is not None:
                parts.append(
                    _complete(Part(split=split, database=_below(pair[0], root), queries=_below(pair[1], root)))
                )
        if parts:
            return parts
    raise FileNotFoundError(
        f"root {root}: no table is given, and there is neither a pair of folders 'database' and 'queries' nor one "
        "below 'train', 'val', 'test'; arrange the images so, or give 'table', or 'database' and 'queries'"
    )


def read_part(source: Path, *, root: Path, columns: Mapping[str, str]) -> ImageTable:
    """Read a CSV, GeoJSON, list of names (.txt) or folder; relative paths are relative to ``root``."""
    path = root / source
    if path.is_dir():
        return list_images(path, root=root)
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file or folder (relative paths count from the root {root})")
    suffix = path.suffix.lower()
    if suffix in (".geojson", ".json"):
        return read_geojson(path, columns=columns)
    if suffix in (".csv", ".tsv"):
        return read_csv(path, columns=columns)
    if suffix == ".txt":
        return read_list(path)
    raise ValueError(f"{path}: is not understood; give a folder, or a file .csv, .tsv, .geojson or .txt (names only)")


def _pair(folder: Path) -> tuple[ImageTable, ImageTable] | None:
    database, queries = folder / DATABASE[0], folder / QUERIES[0]
    if not (database.is_dir() and queries.is_dir()):
        return None
    return list_images(database, root=folder), list_images(queries, root=folder)


def _below(table: ImageTable, root: Path) -> ImageTable:
    """Name the images relative to ``root`` instead of to the folder that was listed."""
    prefix = table.source.parent.relative_to(root).as_posix()
    names = [f"{prefix}/{name}" for name in table.columns["name"]]
    return table.having({**table.columns, "name": names})


def _splits(table: ImageTable) -> list[str]:
    texts = [text.strip().lower() for text in table.columns.get("split", ())]
    return [SPLIT_WORDS.get(text, text) for text in texts]


def _ordered(splits: Sequence[str]) -> list[str]:
    """The names of splits: the usual ones first, in their order."""
    names = sorted(set(splits)) or [LONE_SPLIT]
    return [name for name in USUAL if name in names] + [name for name in names if name not in USUAL]


def _complete(part: Part) -> Part:
    for what, table in (("database images", part.database), ("queries", part.queries)):
        if len(table) == 0:
            raise ValueError(f"{table.source}: split {part.split!r} has no {what}; every split needs both")
    return part
