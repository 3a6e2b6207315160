"""Names that count from another folder than the root, as exiftool and spreadsheets write them."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from vpr_data.tables.image_table import ImageTable

__all__ = ["below_root"]


def below_root(table: ImageTable, root: Path) -> ImageTable:
    """Return the table with names relative to ``root``.

    An absolute name below it loses the root. Names that begin with the root's own name, as those do that were written
    one
    folder above, lose that, if the first image is there only so. Nothing else changes; what leaves the root is refused
    afterwards.
    """
    names = list(table.columns["name"])
    if not names:
        return table
    top = root.resolve()
    if any(PurePosixPath(name).is_absolute() for name in names):
        names = [_relative(name, top) for name in names]
    prefix = f"{top.name}/"
    if (
        all(name.startswith(prefix) for name in names)
        and not (root / names[0]).exists()
        and (root / names[0].removeprefix(prefix)).exists()
    ):
        names = [name.removeprefix(prefix) for name in names]
    return table.having({**table.columns, "name": names})


def _relative(name: str, top: Path) -> str:
    path = PurePosixPath(name)
    return path.relative_to(top.as_posix()).as_posix() if path.is_relative_to(top.as_posix()) else name
