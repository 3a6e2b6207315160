"""The network of a detector: an image in, its descriptor out, prepared as `vpr extract` prepares images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from vpr_core import build_registry
from vpr_core.trust import refuse_foreign_choices
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.photo import prepared
from vpr_runner.encoding.source import for_encoding
from vpr_runner.extraction.manifest import Manifest
from vpr_runner.locate.guess import read_calibration
from vpr_runner.maps.opened import open_map
from vpr_runner.network.storage import load_retriever, stored_config

__all__ = ["describer_of"]


def describer_of(
    model: Path, *, device: str | None, plugins: Sequence[Path]
) -> tuple[Callable[[Any], npt.NDArray[np.float32]], float | None]:
    """Return a function from images to descriptors, and the threshold of a calibrated map.

    Raises:
        UsageError: nothing is there, or it is damaged.
    """
    threshold = None
    if model.is_dir() and Manifest.read(model) is not None:
        opened = open_map(model)
        calibration = read_calibration(opened)
        threshold = None if calibration is None else calibration.threshold
        model = opened.network or model
    registry = build_registry(plugin_files=list(plugins))
    config = stored_config(model, registry)
    retriever, _ = load_retriever(model, registry)
    refuse_foreign_choices(config, registry, source=str(model), kinds={"runtime"})
    if device is not None:
        config = config.model_copy(update={"compute": config.compute.model_copy(update={"device": device})})
    compute = Compute.of(config.compute, config.image)
    network = retriever.to(compute.device).eval()

    def describe(image: Any) -> npt.NDArray[np.float32]:
        pixels = prepared(image, compute)
        with torch.inference_mode(), compute.autocast():
            row = network(for_encoding(pixels[None], compute.device)).float().cpu().numpy()
        return np.asarray(row[0], dtype=np.float32)

    return describe, threshold
