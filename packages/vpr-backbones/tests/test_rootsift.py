"""RootSIFT: OpenCV's SIFT at each point by itself, and Hellinger's kernel, restated in float64."""

from __future__ import annotations

import builtins

import numpy as np
import pytest
import torch

cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed (extra sift)")

from vpr_backbones import build_rootsift  # noqa: E402
from vpr_backbones.rootsift import root_sift  # noqa: E402


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    """Two images ``(2, 3, 61, 83)`` in 0..255, smooth enough to have gradients at every scale; a corner is flat."""
    generator = np.random.default_rng(0)
    pixels = [cv2.GaussianBlur(generator.uniform(0, 255, (61, 83, 3)).astype(np.float32), (0, 0), 2) for _ in range(2)]
    batch = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2) * 3 - 255
    batch[0, :, :30, :40] = 90
    return batch


def grey_of(image: torch.Tensor) -> np.ndarray:
    return cv2.cvtColor(
        image.clamp(0, 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy(), cv2.COLOR_RGB2GRAY
    )


@pytest.mark.parametrize(("step", "sizes"), [(7, (4,)), (16, (3, 6, 8))])
def test_every_location_is_root_sift_of_its_patch(images, step, sizes):
    got = build_rootsift(step=step, bin_sizes=sizes)(images)
    rows, columns = 61 // step, 83 // step
    assert got.shape == (2, 128, len(sizes) * rows, columns)
    for b, image in enumerate(images):
        for s, size in enumerate(sizes):
            sift = cv2.SIFT_create(sigma=size / 6)
            for i in range(rows):
                for j in range(columns):
                    # The grid lies in the middle of the image; a bin is 3 sigma wide, a keypoint 2 sigma across.
                    y = (61 - rows * step) / 2 + i * step + (step - 1) / 2
                    x = (83 - columns * step) / 2 + j * step + (step - 1) / 2
                    _, found = sift.compute(grey_of(image), [cv2.KeyPoint(x, y, 2 * size / 3, 0.0)])
                    histogram = found[0].astype(np.float64)
                    total = sum(histogram.tolist())
                    expected = [np.sqrt(value / total) if total else 0.0 for value in histogram]
                    np.testing.assert_allclose(got[b, :, s * rows + i, j].numpy(), expected, atol=1e-6)


def test_scalar_products_are_hellingers_kernel_and_rows_are_unit(images):
    generator = np.random.default_rng(1)
    x, y = generator.integers(0, 255, (2, 128)).astype(np.float32)
    kernel = sum(np.sqrt(a / x.astype(float).sum() * b / y.astype(float).sum()) for a, b in zip(x, y, strict=True))
    assert root_sift(x) @ root_sift(y) == pytest.approx(kernel, abs=1e-6)
    norms = build_rootsift(step=9, bin_sizes=(4,))(images).norm(dim=1)
    flat = norms == 0
    assert flat[0].any()
    assert not flat[1].any()
    torch.testing.assert_close(norms[~flat], torch.ones_like(norms[~flat]))


def test_it_is_a_frozen_backbone_without_parameters(images):
    backbone = build_rootsift(step=8, bin_sizes=(4, 6)).train()
    assert (backbone.out_channels, backbone.stride, backbone.stages) == (128, 8, ("rootsift",))
    assert (backbone.mean, backbone.std, backbone.input_scale) == ((0, 0, 0), (1, 1, 1), 255)
    assert not list(backbone.parameters())
    images = images.clone().requires_grad_()
    found = backbone.frozen(images)
    assert not found.requires_grad
    assert backbone.trainable(found) is found
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(backbone(images), found, atol=0, rtol=0)


def test_turning_up_the_light_changes_little_and_turning_the_image_much(images):
    image = images[1:].clamp(0, 200)
    backbone = build_rootsift(step=8, bin_sizes=(6,))
    before = backbone(image)
    similarity = (before * backbone(image * 1.2)).sum(dim=1)
    assert similarity.mean() > 0.97
    assert (before * backbone(image.flip(-1))).sum(dim=1).mean() < similarity.mean() - 0.1


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"step": 0}, "step must be at least 1 pixel, got 0"),
        ({"bin_sizes": ()}, "bin_sizes must be different numbers"),
        ({"bin_sizes": (4, 4)}, "bin_sizes must be different numbers"),
    ],
)
def test_what_is_refused(arguments, match):
    with pytest.raises(ValueError, match=match):
        build_rootsift(**arguments)


def test_small_images_and_a_missing_opencv(monkeypatch):
    with pytest.raises(ValueError, match=r"images of 8 x 30 pixels are smaller than step \(9\)"):
        build_rootsift(step=9)(torch.zeros(1, 3, 8, 30))
    real = builtins.__import__

    def without(name, *rest):
        if name == "cv2":
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'vpr-backbones\[sift\]'"):
        build_rootsift()
