"""Plain image files as image sets, and what is remembered of them beside their descriptors."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpr_data import ImageSet

__all__ = ["Origin", "files_as_images", "read_origin", "write_origin"]

ROWS_FILE, ORIGIN_FILE = "images.csv", "origin.json"


def files_as_images(files: Sequence[Path]) -> ImageSet:
    """Return named files as one image set, in the order given.

    Raises:
        UsageError: a file is missing or named twice.
    """
    import numpy as np

    from vpr_core import UsageError
    from vpr_data import ImageSet

    paths = [Path(os.path.abspath(path)) for path in files]  # noqa: PTH100 - resolve() would follow links away from the root
    for given, path in zip(files, paths, strict=True):
        if not path.is_file():
            raise UsageError(f"{given}: {'is a folder; name image files' if path.is_dir() else 'no such file'}")
        if paths.count(path) > 1:
            raise UsageError(f"{given}: named twice")
    root = Path(os.path.commonpath([path.parent for path in paths]))
    names = [path.relative_to(root).as_posix() for path in paths]
    return ImageSet(root=root, names=names, xy=np.zeros((len(names), 2)))


def write_origin(folder: Path, images: Any, *, model: Path, positioned: bool) -> None:
    """Write beside descriptors what `read_origin` tells of them: rows of names and positions, root, model."""
    from vpr_runner.files.atomic import write_json, write_text

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "x", "y"] if positioned else ["name"])
    for row, name in enumerate(images.names):
        x, y = images.xy[row]
        known = ["", ""] if math.isnan(x) else [f"{x:.3f}", f"{y:.3f}"]
        writer.writerow([name, *known] if positioned else [name])
    write_text(folder / ROWS_FILE, text.getvalue())
    write_json(folder / ORIGIN_FILE, {"root": str(Path(images.root).resolve()), "model": str(model.resolve())})


class Origin:
    """What `write_origin` wrote; empty where it wrote nothing (an extraction made from Python)."""

    def __init__(self, *, model: Path | None, positions: dict[str, tuple[float, float]]) -> None:
        self.model = model
        self.positions = positions


def read_origin(folder: Path) -> Origin:
    """Read what is known of the images of an extraction.

    Raises:
        UsageError: a file of it is damaged.
    """
    from vpr_core import UsageError
    from vpr_runner.files.documents import parsed

    model = None
    positions: dict[str, tuple[float, float]] = {}
    try:
        name = ORIGIN_FILE
        if (folder / name).is_file():
            model = Path(parsed((folder / name).read_text(encoding="utf-8"))["model"])
        name = ROWS_FILE
        if (folder / name).is_file():
            with (folder / name).open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    if row.get("x") or row.get("y"):  # both empty: nobody knows where it was taken
                        x, y = float(row["x"]), float(row["y"])
                        if not (math.isfinite(x) and math.isfinite(y)):
                            raise ValueError(f"position of {row['name']!r} is {x}, {y}")
                        positions[row["name"]] = x, y
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise UsageError(
            f"{folder / name} is damaged ({error!r}); run `vpr extract` again, it writes it anew"
        ) from error
    return Origin(model=model, positions=positions)
