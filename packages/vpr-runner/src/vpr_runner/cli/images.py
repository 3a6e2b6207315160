"""Plain image files as image sets."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vpr_data import ImageSet

__all__ = ["files_as_images"]


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
