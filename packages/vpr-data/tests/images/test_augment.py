from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from vpr_data import Augmentation
from vpr_data.images.augment import _crop, _recolour, _turn

IMAGE = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 30, 40), dtype=np.uint8))
ALL = {"crop": 0.5, "rotation": 20.0, "flip": True, "colour": 0.4, "scale": 0.2}


def test_everything_is_off_by_default():
    assert torch.equal(Augmentation(seed=0, epoch=0)(IMAGE, 5), IMAGE)


@pytest.mark.parametrize("option", [{name: value} for name, value in ALL.items()] + [ALL])
def test_an_image_keeps_size_and_type_and_depends_on_seed_epoch_key_alone(option):
    augment = Augmentation(seed=1, epoch=2, **option)
    before = IMAGE.clone()
    found = [augment(IMAGE, key) for key in range(8)]
    assert all(image.shape == IMAGE.shape and image.dtype == torch.uint8 for image in found)
    assert torch.equal(IMAGE, before)
    again = Augmentation(seed=1, epoch=2, **option)
    assert all(torch.equal(again(IMAGE, key), found[key]) for key in reversed(range(8)))
    assert len({tuple(image.flatten().tolist()) for image in found}) > 1
    for seed, epoch in [(0, 2), (1, 3)]:
        other = Augmentation(seed=seed, epoch=epoch, **option)
        assert any(not torch.equal(other(IMAGE, key), found[key]) for key in range(8))


def test_one_option_does_not_change_what_another_draws():
    alone, together = Augmentation(seed=0, epoch=0, flip=True), Augmentation(seed=0, epoch=0, flip=True, colour=0.0)
    assert all(torch.equal(alone(IMAGE, key), together(IMAGE, key)) for key in range(10))
    colour = Augmentation(seed=0, epoch=0, colour=0.3)
    both = Augmentation(seed=0, epoch=0, colour=0.3, flip=True)
    assert all(torch.equal(both(IMAGE, key), colour(alone(IMAGE, key), key)) for key in range(10))


def test_half_of_the_images_are_mirrored():
    augment = Augmentation(seed=0, epoch=0, flip=True)
    flipped = sum(torch.equal(augment(IMAGE, key), IMAGE.flip(2)) for key in range(400))
    assert 150 < flipped < 250


def test_a_crop_keeps_its_share_and_stays_inside():
    for share in (1.0, 0.5, 0.01, 1e-9):
        for across, down in [(0.0, 0.0), (0.5, 0.5), (1 - 1e-12, 1 - 1e-12)]:
            found = _crop(IMAGE, share, across, down)
            height, width = max(1, round(30 * math.sqrt(share))), max(1, round(40 * math.sqrt(share)))
            assert found.shape == (3, height, width)
    assert torch.equal(_crop(IMAGE, 0.25, 0.0, 0.0), IMAGE[:, :15, :20])
    assert torch.equal(_crop(IMAGE, 0.25, 1 - 1e-12, 1 - 1e-12), IMAGE[:, 15:, 20:])


def test_rotation_goes_counter_clockwise_about_the_centre():
    square = IMAGE[:, :, :30]
    assert torch.equal(_turn(square, 90.0, 1.0), torch.rot90(square, 1, dims=(1, 2)))
    assert torch.equal(_turn(square, 180.0, 1.0), square.flip(1, 2))
    assert torch.equal(_turn(IMAGE, 180.0, 1.0), IMAGE.flip(1, 2))
    assert torch.equal(_turn(IMAGE, 0.0, 1.0), IMAGE)


@pytest.mark.parametrize(("degrees", "zoom"), [(13.0, 1.0), (-30.0, 1.3), (0.0, 0.8)])
def test_turning_equals_bilinear_sampling_written_out(degrees, zoom):
    height, width = IMAGE.shape[1:]
    values = IMAGE.double().numpy()
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    found = _turn(IMAGE, degrees, zoom).double().numpy()
    for y in range(5, 25, 3):
        for x in range(5, 35, 3):
            dx, dy = x + 0.5 - width / 2, y + 0.5 - height / 2
            sx = (cos * dx - sin * dy) / zoom + width / 2 - 0.5
            sy = (sin * dx + cos * dy) / zoom + height / 2 - 0.5
            if not (0 <= sx <= width - 1 and 0 <= sy <= height - 1):
                continue
            left, top = min(int(sx), width - 2), min(int(sy), height - 2)
            fx, fy = sx - left, sy - top
            wanted = (
                values[:, top, left] * (1 - fx) * (1 - fy)
                + values[:, top, left + 1] * fx * (1 - fy)
                + values[:, top + 1, left] * (1 - fx) * fy
                + values[:, top + 1, left + 1] * fx * fy
            )
            assert np.abs(found[:, y, x] - wanted).max() <= 0.51


def test_recolouring_equals_the_formula():
    brightness, contrast, saturation = 1.2, 0.7, 1.4
    values = IMAGE.double().numpy() * brightness
    grey = 0.299 * values[0] + 0.587 * values[1] + 0.114 * values[2]
    values = (values - grey.mean()) * contrast + grey.mean()
    grey = 0.299 * values[0] + 0.587 * values[1] + 0.114 * values[2]
    wanted = np.clip((values - grey) * saturation + grey, 0, 255)
    assert np.abs(_recolour(IMAGE, brightness, contrast, saturation).numpy() - wanted).max() <= 0.51


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"seed": -1}, "seed and epoch must be at least 0, got -1 and 0"),
        ({"crop": 0.0}, r"crop must be in \(0, 1\] or None, got 0.0"),
        ({"rotation": 181.0}, "rotation must be between 0 and 180 degrees, got 181.0"),
        ({"colour": 1.5}, "colour must be between 0 and 1, got 1.5"),
        ({"scale": 1.0}, "scale must be at least 0 and less than 1, got 1.0"),
    ],
)
def test_bad_arguments(fields, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(**{"seed": 0, "epoch": 0, **fields})
