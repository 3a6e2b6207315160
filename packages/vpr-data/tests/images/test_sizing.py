"""Sizes and filters, against Pillow and against torchvision's rule written down again."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vpr_data import ImageDecodeError, Sizing, image_batches, load_image

ODD = [(97, 131), (131, 97), (64, 64), (333, 500), (17, 400), (400, 17)]
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def photo(height: int, width: int) -> np.ndarray:
    """Smooth waves and an edge, in three channels; what a bicubic filter adds at the edge stays within 0..255."""
    y, x = np.mgrid[:height, :width]
    waves = [127 + 60 * np.sin(x / 7 + c) * np.cos(y / (5 + c)) for c in range(3)]
    image = np.stack(waves, axis=2)
    image[height // 3 :, width // 2 :] = [190, 60, 128]
    return image.clip(0, 255).astype(np.uint8)


def by_pillow(image: np.ndarray, size: tuple[int, int], multiple: int, interpolation: str) -> np.ndarray:
    height, width = size
    resized = Image.fromarray(image).resize((width, height), FILTERS[interpolation])
    left, top = (width % multiple) // 2, (height % multiple) // 2
    right, bottom = left + width - width % multiple, top + height - height % multiple
    return np.array(resized.crop((left, top, right, bottom)))


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("height", "width"), ODD)
def test_pixels_are_pillow_s_but_for_rounding(height: int, width: int, interpolation: str) -> None:
    image = photo(height, width)
    short, long = min(height, width), max(height, width)
    expected = {
        "size": (75, 50),
        "short_side": [math.floor(60 * side / short) if side != short else 60 for side in (height, width)],
        "max_side": [math.floor(150 * side / long) if side != long else 150 for side in (height, width)],
    }
    for rule, size in expected.items():
        for multiple in (1, 14):
            value = {"size": (75, 50), "short_side": 60, "max_side": 150}[rule]
            sizing = Sizing(**{rule: value}, multiple=multiple, interpolation=interpolation)
            at_least = (max(size[0], multiple), max(size[1], multiple))
            found = sizing(torch.from_numpy(image).permute(2, 0, 1)).permute(1, 2, 0).numpy()
            wanted = by_pillow(image, at_least, multiple, interpolation)
            assert found.shape == wanted.shape == (*sizing.shape(height, width), 3)
            assert all(side % multiple == 0 for side in found.shape[:2])
            # Both round between the passes; the weights of a bicubic one sum to 1.25 without their signs.
            assert np.abs(found.astype(int) - wanted).max() <= {"bilinear": 1, "bicubic": 2}[interpolation]


def weights(before: int, after: int, interpolation: str) -> np.ndarray:
    """``(after, before)`` in float64: the kernel, stretched by the scale where it shrinks, around each centre."""
    scale = before / after
    stretch = max(scale, 1.0)
    centres = (np.arange(after) + 0.5) * scale
    t = np.abs((np.arange(before) + 0.5)[None] - centres[:, None]) / stretch
    if interpolation == "bilinear":
        kernel = np.maximum(1 - t, 0)
    else:  # Keys, Cubic convolution interpolation for digital image processing, 1981, with a = -1/2
        inner, outer = 1.5 * t**3 - 2.5 * t**2 + 1, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
        kernel = np.where(t <= 1, inner, np.where(t < 2, outer, 0))
    found: np.ndarray = kernel / kernel.sum(axis=1, keepdims=True)
    return found


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("height", "width"), [(97, 131), (64, 64), (17, 400)])
def test_pixels_follow_the_formula(height: int, width: int, interpolation: str) -> None:
    image = photo(height, width)
    sizing = Sizing(short_side=53, interpolation=interpolation)  # type: ignore[arg-type]
    h, w = sizing.shape(height, width)
    down, across = weights(height, h, interpolation), weights(width, w, interpolation)
    exact = np.einsum("yh,hwc,xw->yxc", down, image.astype(np.float64), across).clip(0, 255)
    found = sizing(torch.from_numpy(image).permute(2, 0, 1)).permute(1, 2, 0).numpy()
    # Half a grey level a pass, that of the first one taken through the second, and weights of 8 bits and more.
    assert np.abs(found - exact).max() <= {"bilinear": 1.1, "bicubic": 1.4}[interpolation]


@pytest.mark.parametrize(("height", "width"), ODD)
def test_sides_are_torchvision_s(height: int, width: int) -> None:
    functional = pytest.importorskip("torchvision.transforms.functional")
    image = torch.from_numpy(photo(height, width)).permute(2, 0, 1)
    for side in (31, 60, 224, 479):
        assert Sizing(short_side=side).shape(height, width) == tuple(functional.resize(image, side).shape[1:])
        assert tuple(functional.center_crop(image, 14).shape[1:]) == (14, 14)


def test_a_photo_file_is_the_same_as_its_pixels_resized(tmp_path: Path) -> None:
    """A JPEG is decoded at a fraction of its size, upright: within a few grey levels of the whole, resized."""
    big = np.asarray(Image.fromarray(photo(90, 120)).resize((1920, 1440), Image.Resampling.BICUBIC))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.fromarray(big).save(tmp_path / "a.jpg", quality=95, exif=exif)
    sizing = Sizing(short_side=100, multiple=14, interpolation="bicubic")
    (batch,) = list(image_batches([tmp_path / "a.jpg"], size=None, sizing=sizing, batch_size=1, workers=0))
    upright = np.rot90(big, -1)
    assert batch.images.shape == (1, 3, 126, 98)
    wanted = by_pillow(np.ascontiguousarray(upright), (133, 100), 14, "bicubic")
    assert np.abs(batch.images[0].permute(1, 2, 0).numpy().astype(int) - wanted).mean() < 2
    assert load_image(tmp_path / "a.jpg", needed=sizing.resized).shape[:2] == (240, 180)


def test_batches_are_of_one_shape_and_in_order_where_all_are_alike(tmp_path: Path) -> None:
    shapes = [(40, 60), (60, 40), (40, 60), (41, 60)]
    for number, (height, width) in enumerate(shapes):
        Image.fromarray(photo(height, width)).save(tmp_path / f"{number}.png")
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    found = list(image_batches(paths, size=None, sizing=Sizing(short_side=20, multiple=4), batch_size=2))
    assert sorted((tuple(b.images.shape[2:]), b.positions.tolist()) for b in found) == [
        ((20, 28), [0, 2]),
        ((20, 28), [3]),
        ((28, 20), [1]),
    ]
    (first, second) = image_batches(paths, size=None, sizing=Sizing(size=(30, 30), multiple=14), batch_size=2)
    assert (first.positions.tolist(), second.positions.tolist()) == ([0, 1], [2, 3])
    assert first.images.shape == (2, 3, 28, 28)


def test_what_would_become_enormous_is_one_unreadable_image(tmp_path: Path) -> None:
    Image.fromarray(photo(2, 4000)).save(tmp_path / "slit.png")
    batches = image_batches(
        [tmp_path / "slit.png"], size=None, sizing=Sizing(short_side=480), batch_size=1, on_error="skip"
    )
    assert list(batches) == []
    assert "would become 480 x 960000 pixels" in batches.failures[0].reason
    assert isinstance(batches.failures[0], ImageDecodeError)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"size": (4, 4), "short_side": 4}, "one rule says the size, got size and short_side"),
        ({"max_side": 0}, "max_side must be at least 1"),
        ({"multiple": 0}, "multiple must be at least 1"),
        ({"interpolation": "nearest"}, "interpolation must be bilinear or bicubic"),
    ],
)
def test_rules_that_make_no_sense(fields: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Sizing(**fields)  # type: ignore[arg-type]
