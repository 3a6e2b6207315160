"""Where on earth the images of a set were taken, whatever their positions were given in."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from vpr_data.earth.frame import Frame

__all__ = ["coordinates"]


def coordinates(images: Any) -> npt.NDArray[np.float64] | None:
    """Return latitude and longitude in degrees (WGS84), float64 ``(N, 2)``, of a set of images.

    What was given as degrees comes back as it was given, to the last digit; metres of a named frame
    (`vpr_data.ImageSet.frame`) are converted. A row without a position (`vpr_data.ImageSet.located`) is NaN.

    Args:
        images: `vpr_data.ImageSet`, or another set of images, which may say nothing of degrees and frames.

    Returns:
        None where the metres (or frame numbers, or labels) of the set are not tied to the earth.
    """
    degrees = getattr(images, "degrees", None)
    if degrees is not None:
        return np.array(degrees, dtype=np.float64)
    frame = getattr(images, "frame", None)
    return frame.to_degrees(images.xy) if isinstance(frame, Frame) else None
