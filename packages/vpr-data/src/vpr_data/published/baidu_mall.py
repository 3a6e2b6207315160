"""Baidu mall: a shopping centre (Sun et al. 2017, CVPR): poses of every image in ``.camera`` files beside them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vpr_data.images.image_set import ImageSet
from vpr_data.places.rows import Rows
from vpr_data.places.splits import EvaluationProtocol, PlaceSplit, TrainingRadii
from vpr_data.published.entry import Counts, Published
from vpr_data.published.on_disk import SetOnDisk
from vpr_data.tables.listing import list_images

__all__ = ["BAIDU_MALL", "TurnedSplit", "baidu_mall", "read_camera"]

Float64Array = npt.NDArray[np.float64]

BAIDU_MALL = Published(
    name="baidu_mall",
    what="a shopping centre, photographed by telephones, against a survey",
    protocols=("baidu_mall@10m", "baidu_mall-20deg@10m"),
    counts={"test": Counts(689, 2_292)},
    ask="https://github.com/AnyLoc/AnyLoc (links the set), or VPR-datasets-downloader's download_baidu.py",
    layout="""\
training_images_undistort/*.jpg, training_gt/*.camera      database
query_images_undistort/*.jpg, query_gt/*.camera            queries; or
database/, database_gt/, queries/, queries_gt/             likewise""",
)
FOLDERS = (
    ("training_images_undistort", "training_gt", "query_images_undistort", "query_gt"),
    ("database", "database_gt", "queries", "queries_gt"),
    ("images/test/database", "database_gt", "images/test/queries", "queries_gt"),
)
ROTATION = slice(4, 7)
"""Lines of a ``.camera`` file, from 0, that hold the rotation; the centre stands in the last line but one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TurnedSplit(PlaceSplit):
    """A split whose right answers look the same way, too.

    Attributes:
        turn: degrees that the rotation from one view to the other may have.
        database_rotation: ``(N, 3, 3)``; query_rotation ``(Q, 3, 3)``.
        query_rotation: see above.
    """

    turn: float = 180.0
    database_rotation: Float64Array = field(default_factory=lambda: np.zeros((0, 3, 3)))
    query_rotation: Float64Array = field(default_factory=lambda: np.zeros((0, 3, 3)))

    def identity(self) -> bytes:
        """Return the rotations, as bytes."""
        return self.database_rotation.tobytes() + self.query_rotation.tobytes()

    def positives(self) -> Rows:
        """Return the answers within the radius that look the query's way.

        The angle is that of the rotation between the two views, ``acos((trace(Q^T D) - 1) / 2)``: the same whether the
        file rotates the world into the camera or back; of cameras held level, the difference of their headings.
        """
        rows = super().positives()
        query = rows.row_of_value
        trace = np.einsum("nij,nij->n", self.query_rotation[query], self.database_rotation[rows.values])
        angle = np.degrees(np.arccos(np.clip((trace - 1) / 2, -1.0, 1.0)))
        keep = angle <= self.turn
        return Rows.from_pairs(query[keep], rows.values[keep], len(rows))


def baidu_mall(*, root: Path | str, radius: float = 10.0, turn: float | None = None) -> SetOnDisk:
    """Return Baidu mall.

    Args:
        root: with the four folders.
        radius: metres; the literature's is 10.
        turn: degrees by which a right answer's view may be turned from the query's; None: it may be any.

    Raises:
        FileNotFoundError: a folder is missing, or an image has no ``.camera`` file.
        ValueError: a ``.camera`` file is damaged; names the line.
    """
    root = Path(root)
    folders = next((four for four in FOLDERS if all((root / folder).is_dir() for folder in four)), None)
    if folders is None:
        wanted = " or ".join(", ".join(four) for four in FOLDERS[:2])
        raise FileNotFoundError(
            f"root {root}: must hold the folders {wanted}; 'vpr data fetch baidu_mall' shows the tree"
        )
    sides = [_side(root, root / images, root / poses) for images, poses in (folders[:2], folders[2:])]
    name = "baidu_mall" + ("" if turn is None else f"-{turn:g}deg")
    plain = PlaceSplit(
        name="test",
        database=sides[0][0],
        queries=sides[1][0],
        protocol=EvaluationProtocol(name=name, radius=radius),
        training=TrainingRadii(positive=min(10.0, radius), negative=max(25.0, radius)),
    )
    split = plain if turn is None else _turned(plain, turn, sides[0][1], sides[1][1])
    return SetOnDisk(name="baidu_mall", root=root, make={"test": lambda: split}, counts=BAIDU_MALL.counts)


def read_camera(path: Path) -> tuple[Float64Array, Float64Array]:
    """Return the rotation ``(3, 3)`` and the centre ``(3,)`` in metres.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: too short, not numbers, or no rotation; names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path}: there is no such file; every image of Baidu mall has one") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: is not text ({error})") from error
    while lines and not lines[-1].strip():
        lines.pop()
    if len(lines) < 9:
        raise ValueError(f"{path}: {len(lines)} lines; lines 5 to 7 hold a rotation, the last but one the centre")
    rows = [_three(path, number, lines[number]) for number in range(ROTATION.start, ROTATION.stop)]
    rotation = np.array(rows, dtype=np.float64)
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > 1e-2:
        raise ValueError(f"{path}: lines 5 to 7 are no rotation ({rotation.tolist()}); the file is damaged")
    return rotation, np.array(_three(path, len(lines) - 2, lines[-2]), dtype=np.float64)


def _three(path: Path, number: int, line: str) -> list[float]:
    try:
        values = [float(word) for word in line.split()]
    except ValueError:
        values = []
    if len(values) != 3 or not np.isfinite(values).all():
        raise ValueError(f"{path}: line {number + 1} must be three numbers, got {line.strip()[:80]!r}")
    return values


def _side(root: Path, images: Path, poses: Path) -> tuple[ImageSet, Float64Array]:
    names = list_images(images, root=root).columns["name"]
    files = [poses / f"{Path(name).stem}.camera" for name in names]
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        raise FileNotFoundError(
            f"{shown}: {len(missing)} of {len(names)} images in {images} have no pose; each has one"
        )
    found = [read_camera(file) for file in files]
    centres = np.array([centre for _, centre in found])
    return (
        ImageSet(root=root, names=names, xy=centres[:, :2], points=centres),
        np.array([rotation for rotation, _ in found]),
    )


def _turned(split: PlaceSplit, turn: float, database: Float64Array, queries: Float64Array) -> TurnedSplit:
    return TurnedSplit(
        name=split.name,
        database=split.database,
        queries=split.queries,
        protocol=split.protocol,
        training=split.training,
        turn=turn,
        database_rotation=database,
        query_rotation=queries,
    )
