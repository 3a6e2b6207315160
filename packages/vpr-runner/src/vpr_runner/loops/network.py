"""The network of a detector: an image in, its descriptor out, prepared as `vpr extract` prepares images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vpr_core import build_registry
from vpr_core.trust import refuse_foreign_choices
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.execution import execution_of
from vpr_runner.encoding.photo import prepared, row_of
from vpr_runner.exporting.stored import load_network
from vpr_runner.extraction.manifest import Manifest
from vpr_runner.locate.guess import read_calibration
from vpr_runner.maps.computed import check_computed, learnt_by
from vpr_runner.maps.opened import open_map
from vpr_runner.network.architecture import Architecture

__all__ = ["describer_of"]


def describer_of(
    model: Path, *, device: str | None, plugins: Sequence[Path]
) -> tuple[Callable[[Any], npt.NDArray[np.float32]], float | None]:
    """Return a function from images to descriptors, and the threshold of a calibrated map.

    Raises:
        UsageError: nothing is there, or it is damaged.
    """
    threshold, opened = None, None
    if model.is_dir() and Manifest.read(model) is not None:
        opened = open_map(model)
        calibration = read_calibration(opened)
        threshold = None if calibration is None else calibration.threshold
        model = opened.network or model
    registry = build_registry(plugin_files=list(plugins))
    retriever, config = load_network(model, registry)
    refuse_foreign_choices(config, registry, source=str(model), kinds={"runtime"})
    if device is not None:
        config = config.model_copy(update={"compute": config.compute.model_copy(update={"device": device})})
    compute = Compute.of(config.compute, config.image)
    calibrated = None if opened is None else learnt_by(opened)
    retriever.execution = execution = execution_of(
        retriever, Architecture.of(config), registry, compute=config.compute, images=None, calibrated=calibrated
    )
    if opened is not None:  # the threshold is one of its own distances
        check_computed(opened, execution, compute)
    network = retriever.to(compute.device).eval()

    def describe(image: Any) -> npt.NDArray[np.float32]:
        row: npt.NDArray[np.float32] = row_of(network, prepared(image, compute), compute)[0]
        return row

    return describe, threshold
