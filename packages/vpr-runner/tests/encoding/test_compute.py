from __future__ import annotations

import pytest
import torch

from vpr_core.config.sections import ComputeConfig, ImageConfig
from vpr_data import full_batch
from vpr_runner.encoding.compute import Compute


@pytest.mark.parametrize(
    ("asked", "size", "images"),
    [
        ({}, (480, 640), 4),  # 1,228,800 pixels: a quarter of the memory of 32 such images, and less
        ({}, (96, 128), 32),
        ({}, (2000, 3000), 1),
        ({"batch": 2}, (96, 128), 2),
        ({"batch_pixels": 9_830_400}, (480, 640), 32),
    ],
)
def test_a_forward_pass_on_a_cpu_takes_few_large_images_or_many_small_ones(asked, size, images):
    compute = Compute.of(ComputeConfig(device="cpu", **asked), ImageConfig())
    image = torch.empty((3, *size), dtype=torch.uint8, device="meta")
    assert full_batch(image, batch_size=compute.batch, batch_pixels=compute.batch_pixels) == images
