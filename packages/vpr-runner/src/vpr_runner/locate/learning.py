"""Calibrating a map: asking it for photos whose place is known, learning from the answers, keeping what was learnt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vpr_core import UsageError
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.encode import encode_all
from vpr_runner.encoding.execution import executing
from vpr_runner.encoding.source import ImageSource
from vpr_runner.files import atomic
from vpr_runner.files.lock import folder_lock
from vpr_runner.locate.asking import ask_others, leave_one_out, truth_of
from vpr_runner.locate.calibrate import learn
from vpr_runner.locate.calibration import CALIBRATION_FILE, Calibration
from vpr_runner.locate.guess import rows_digest, spacing
from vpr_runner.locate.judge import judge
from vpr_runner.maps.computed import check_computed, learnt_by
from vpr_runner.maps.index import MapIndex
from vpr_runner.maps.write import seal_map
from vpr_runner.network.storage import fingerprint

if TYPE_CHECKING:
    from vpr_core import ComponentConfig, Registry
    from vpr_core.config.sections import ComputeConfig
    from vpr_core.types import ImageSet
    from vpr_runner.maps.opened import Map
    from vpr_runner.network.architecture import Architecture
    from vpr_runner.network.retriever import Retriever

__all__ = ["Learnt", "calibrate_map"]


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """What a calibration found.

    Attributes:
        calibration: as it lies in the map.
        evaluation: of `judge`; None: fewer than 20 photos.
        unreadable: photos that could not be read.
    """

    calibration: Calibration
    evaluation: dict[str, Any] | None
    unreadable: int = 0


def calibrate_map(
    opened: Map,
    retriever: Retriever,
    architecture: Architecture,
    registry: Registry,
    *,
    index: ComponentConfig,
    compute: ComputeConfig,
    photos: ImageSet | None,
    named: str,
    within: float = 25.0,
    precision: float = 0.99,
    most: int = 1000,
    progress: bool,
    asked: bool = False,
) -> Learnt:
    """Learn when to believe a map, write that into it, and seal it again.

    Args:
        opened: the map.
        retriever: the network that made it.
        architecture: of the network.
        registry: builds index and runtime.
        index: the block that says how the map is searched.
        compute: the block that says how ``photos`` are described.
        photos: photos with positions to ask for; None: the map's own images, each without itself.
        named: what they are, in words.
        within: metres within which an answer is right.
        precision: share of believed first answers that is to be right.
        most: images of the map to ask for.
        progress: show a bar.
        asked: the user has said which runtime the photos are computed by.

    Raises:
        UsageError: the map is of another model or from before there were seals; or there are fewer than ten photos with
            positions.
    """
    if opened.network is None or opened.seal is None:
        raise UsageError(f"{opened.folder} was written by an earlier version; extract it again to calibrate it")
    if opened.descriptors.fingerprint != fingerprint(retriever, architecture):
        raise UsageError(
            f"{opened.folder} was made with another model, or with another image size or filter; descriptors of "
            "two models cannot be compared: name the right one, leave out what --set changes of the network, or "
            "extract again"
        )
    searched = MapIndex(opened.descriptors, folder=opened.folder, index=index, registry=registry)
    unreadable = 0
    if photos is None:
        answered = leave_one_out(opened, searched, most=most)
    else:
        truth = truth_of(photos, opened)
        wanted = replace(Compute.of(compute, architecture.image), on_bad_image="skip")
        with executing(
            retriever, architecture, registry, compute=compute, images=photos, calibrated=learnt_by(opened)
        ) as execution:
            check_computed(opened, execution, wanted, asked=asked)
            rows, encoded = encode_all(retriever.to(wanted.device), ImageSource(photos), compute=wanted, shown=progress)
        unreadable = len(encoded.failures)
        good = [row for row in range(len(rows)) if row not in encoded.failures]
        answered = ask_others(opened, searched, rows[good], truth[good])
    floor = spacing(opened.places) / 2
    found = learn(
        answered,
        opened.places,
        floor=floor,
        within=within,
        precision=precision,
        learnt=named,
        rows=rows_digest(opened),
    )
    enough = len(answered) >= 20
    judged = judge(answered, opened.places, floor=floor, within=within, precision=precision) if enough else None
    with folder_lock(opened.folder, purpose="vpr calibrate"):
        atomic.write_json(opened.folder / CALIBRATION_FILE, found.to_json())
        seal_map(opened.folder)
    return Learnt(calibration=found, evaluation=judged, unreadable=unreadable)
