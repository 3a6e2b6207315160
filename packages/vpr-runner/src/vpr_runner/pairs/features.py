"""Global descriptors as hloc and kapture keep them.

hloc: one HDF5 file, a group for each image, the group's path the image's name (a slash makes a group within a group);
in it ``global_descriptor (D,)``, float16 unless told otherwise, and ``image_size`` as width, height.
kapture 1.1: ``reconstruction/global_features/<type>/global_features.txt`` and one bare file of numbers for each image.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from vpr_core import UsageError
from vpr_runner.files import atomic
from vpr_runner.pairs.choose import Side
from vpr_runner.pairs.formats import unfit

__all__ = ["write_hloc_features", "write_kapture_features"]


def write_hloc_features(
    file: Path,
    images: Side,
    *,
    sizes: Mapping[str, tuple[int, int]] | None = None,
    dtype: Literal["float16", "float32"] = "float16",
    about: Mapping[str, Any],
) -> int:
    """Write descriptors for hloc and return how many; the file is new, or replaced as a whole.

    hloc itself appends to such a file and skips what is there, which mixes two networks in silence; ``about`` (model,
    digest, image size) is kept in the attribute ``vpr`` of the file, so that somebody can tell.

    Raises:
        UsageError: h5py is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise UsageError("hloc's file of descriptors is HDF5: pip install h5py, then run this again") from error
    count = 0
    with atomic.atomic_file(file) as whole, h5py.File(whole, "w", libver="latest") as store:
        store.attrs["vpr"] = json.dumps(dict(about), sort_keys=True)
        for name, row in _readable(images):
            group = store.create_group(name)
            group.create_dataset("global_descriptor", data=row.astype(dtype))
            if sizes is not None and name in sizes:
                group.create_dataset("image_size", data=np.array(sizes[name]))
            count += 1
    return count


def write_kapture_features(
    folder: Path, images: Side, *, kind: str, about: Mapping[str, Any], metric: str = "L2"
) -> int:
    """Write descriptors below ``folder`` as kapture's global features of type ``kind``; return how many.

    Raises:
        UsageError: ``kind`` or a name cannot be written, or features of that type are there.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", kind):
        raise UsageError(f"--type: {kind!r} is a folder's name in kapture: letters, digits, dot, dash, underscore")
    bad = unfit(images.names, form="kapture")
    if bad:
        raise UsageError(f"{bad[0]!r}: kapture cuts a line at commas, so this name cannot be written; rename the file")
    where = folder / "reconstruction" / "global_features" / kind
    if (where / "global_features.txt").exists():
        raise UsageError(f"{where} holds features already; name another --type, or another folder")
    count = 0
    for name, row in _readable(images):
        atomic.write_bytes(where / f"{name}.gfeat", row.astype(np.float32).tobytes())
        count += 1
    atomic.write_json(where / "vpr.json", dict(about))
    width = images.rows[:1].shape[1]
    text = f"# kapture format: 1.1\n# name, dtype, dsize, metric_type\n{kind}, float32, {width}, {metric}\n"
    atomic.write_text(where / "global_features.txt", text)  # last: it says that the rest is there
    return count


def _readable(images: Side) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    names: Sequence[str] = images.names
    for position, name in enumerate(names):
        row = np.asarray(images.rows[position], dtype=np.float32)
        if np.isfinite(row).all():
            yield name, row
