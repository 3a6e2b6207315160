"""Photographs of a campus with the positions of a phone: each asked of a map of the others, ImageNet weights frozen."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.where.areas import asked_in
from bench.where.row import row_of
from vpr_core.config import make_run
from vpr_runner import assemble
from vpr_runner.data import open_dataset, split_named
from vpr_runner.locate.calibrate import learn
from vpr_runner.locate.judge import judge
from vpr_runner.network.architecture import Architecture
from vpr_runner.network.storage import fingerprint

if TYPE_CHECKING:
    from bench.speed.store import Store
    from vpr_core import Registry
    from vpr_data import ImageSet

__all__ = ["measured"]

WEIGHTS = Path("weights") / "resnet18_layer3" / "resnet18_to_layer3_bnfolded.pth"
TABLE = "metadata.csv"


def measured(data: Path, registry: Registry, store: Store) -> list[dict[str, Any]]:
    """Return the one row, measured unless ``store`` has it: learnt on one half, asked of the other, and in turns."""
    found = store.get("leave-one-out")
    if found is not None:
        return found
    backbone = {"type": "resnet18", "cut": "layer3", "weights": str(data / WEIGHTS)}
    config = make_run(
        {
            "dataset": {"type": "folder", "root": str(data / "campus_gps"), "database": TABLE, "queries": TABLE},
            "backbone": backbone,
            "pooling": {"type": "gem"},
        },
        registry,
        source="bench.where",
    )
    images = split_named(open_dataset(config.dataset, registry), "test", purpose="bench.where").database
    retriever = assemble(config, registry).eval()
    with tempfile.TemporaryDirectory(prefix="vpr-where-") as temporary:
        area = asked_in(images, None, retriever, config, registry, folder=Path(temporary) / "map")
    whole = learn(
        area.asked, area.places, floor=area.floor, within=25.0, learnt="its own images, each without itself", rows=""
    )
    found = [
        row_of(
            photos=f"`campus_gps`, {len(area.asked)}, each without itself",
            network="ResNet-18 to layer3 (ImageNet), GeM, frozen",
            learnt_on="the other half",
            model=fingerprint(retriever, Architecture.of(config)),
            data={"reported_on": _fingerprint(images)},
            calibrations=[whole],
            evaluation=judge(area.asked, area.places, floor=area.floor, within=25.0, precision=0.99),
            trained=None,
        )
    ]
    store.put("leave-one-out", found)
    return found


def _fingerprint(images: ImageSet) -> str:
    digest = hashlib.sha256()
    for row, name in enumerate(images.names):
        digest.update(f"{name} {images.path(row).stat().st_size} {images.metric_points[row].tolist()}\n".encode())
    return digest.hexdigest()
