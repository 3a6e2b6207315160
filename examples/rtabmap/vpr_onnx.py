"""A network of `vpr export` without its toolkit: images in, unit descriptors out. numpy, Pillow and onnxruntime."""

import json

import numpy as np
import onnxruntime
from PIL import Image

FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


class Describer:
    """``describer(rgb)``: a photo, uint8 ``(H, W, 3)``, red first, to its descriptor, float32 ``(D,)`` of length 1."""

    def __init__(self, model, threads=0):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self.about = json.loads(self.session.get_modelmeta().custom_metadata_map["vpr"])
        self.dim = self.about["output"]["dim"]

    def __call__(self, rgb):
        """Describe one photo."""
        rgb = self.prepared(rgb)
        given = self.about["input"]
        fixed, least, multiple = given["size"], given["least"] or [1, 1], given["multiple_of"]
        size = list(rgb.shape[:2])
        if (fixed and size != fixed) or size[0] < least[0] or size[1] < least[1] or any(s % multiple for s in size):
            raise ValueError(f"images of {size} are not taken: {fixed or f'from {least}, multiples of {multiple}'}")
        images = np.ascontiguousarray(rgb.transpose(2, 0, 1)[None])
        if given["dtype"] == "float32":
            images = images.astype(np.float32) / np.float32(255)
        return self.session.run(None, {self.session.get_inputs()[0].name: images})[0][0]

    def prepared(self, rgb):
        """Bring a photo to the size that the network was trained with."""
        if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
            raise ValueError(f"a photo is uint8 (H, W, 3), got {rgb.dtype} {rgb.shape}")
        rule = self.about["input"]["resize"]
        height, width = rgb.shape[:2]
        short, long = min(height, width), max(height, width)
        size = height, width
        if rule["size"]:
            size = rule["size"]
        elif rule.get("short_side"):
            size = self._sides(rgb, rule["short_side"], rule["short_side"] * long // short)
        elif rule.get("max_side"):
            size = self._sides(rgb, max(1, rule["max_side"] * short // long), rule["max_side"])
        elif rule["longest"] and long > rule["longest"]:
            size = tuple(max(1, round(side * rule["longest"] / long)) for side in size)
        multiple = rule.get("multiple") or 1
        size = tuple(max(side, multiple) for side in size)
        if tuple(size) != (height, width):
            image = Image.fromarray(np.ascontiguousarray(rgb))
            rgb = np.asarray(image.resize((size[1], size[0]), FILTERS[rule["interpolation"].split(",")[0]]))
        h, w = size[0] - size[0] % multiple, size[1] - size[1] % multiple
        top, left = (size[0] - h) // 2, (size[1] - w) // 2
        return rgb[top : top + h, left : left + w]

    @staticmethod
    def _sides(rgb, short, long):
        return (short, long) if rgb.shape[0] <= rgb.shape[1] else (long, short)
