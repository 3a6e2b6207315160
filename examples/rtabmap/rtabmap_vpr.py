"""RTAB-Map's global descriptor: Mem/GlobalDescriptorStrategy 1, PyDescriptor/Path this file, PyDescriptor/Dim 4096."""

import os

import numpy as np
from vpr_onnx import Describer

describer, kept = None, 4096


def init(dim):
    """Load the network beside this file; called once."""
    global describer, kept
    describer = Describer(os.path.join(os.path.dirname(os.path.abspath(__file__)), "model.onnx"))
    if dim != describer.dim and not (dim < describer.dim and describer.about["network"].get("whitened")):
        raise ValueError(
            f"PyDescriptor/Dim is {dim}; this network gives {describer.dim} numbers, and only whitened ones can be cut"
        )
    kept = dim


def extract(image):
    """Return float32 (1, dim) of a frame (H, W, channels), blue first; RTAB-Map says int8 of what is uint8."""
    image = np.asarray(image).view(np.uint8)
    rgb = image[:, :, 2::-1] if image.shape[2] >= 3 else np.repeat(image[:, :, :1], 3, axis=2)
    found = describer(rgb)[:kept]
    return np.ascontiguousarray(found[None] / np.linalg.norm(found), dtype=np.float32)
