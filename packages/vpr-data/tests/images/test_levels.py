from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from vpr_data import load_image
from vpr_data.images.levels import eight_bits

GREY = np.random.default_rng(0).integers(0, 256, (48, 64)).astype(np.uint8)


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_levels_of_fewer_bits_keep_their_contrast(tmp_path, bits):
    """Levels that reach from black to white come out as 8 bits would, to a level, whatever the camera's bits."""
    Image.fromarray(GREY.astype(np.uint16) * 2 ** (bits - 8)).save(tmp_path / "a.png")
    found = load_image(tmp_path / "a.png")[:, :, 0]
    assert np.abs(found.astype(int) - GREY).max() <= 1


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
@pytest.mark.parametrize(("gain", "offset"), [(1, 7400), (3, 29_000), (2, 300)])
def test_the_stretch_does_not_depend_on_gain_and_offset(dtype, gain, offset):
    small = (GREY // 2).astype(np.int64)
    low, high = np.percentile(small, [0.1, 99.9])
    expected = np.round(np.clip((small - low) / (high - low), 0, 1) * 255)
    found = eight_bits((small * gain + offset).astype(dtype))
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("hot", [16_383, 65_535])
def test_a_dead_and_a_hot_pixel_do_not_darken_the_rest(hot):
    thermal = 7400 + (GREY.astype(np.uint16) // 2)
    spoilt = thermal.copy()
    spoilt[0, 0], spoilt[5, 5] = 0, hot
    found = eight_bits(spoilt).astype(int)
    assert (found[0, 0], found[5, 5]) == (0, 255)
    rest = spoilt == thermal
    assert np.abs(found - eight_bits(thermal))[rest].max() <= 5


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        (GREY.astype(np.int32), GREY),
        (GREY.astype(np.uint16) * 257, GREY),
        (GREY.astype(np.float32), GREY),
        ((GREY / 255).astype(np.float64), GREY),
        (GREY.astype(np.float32) * 257, GREY),
        (np.full((3, 4), 9, dtype=np.uint16), np.full((3, 4), 9)),
        (np.full((3, 4), 40_000, dtype=np.uint16), np.full((3, 4), 156)),
        (np.zeros((0, 4), dtype=np.uint16), np.zeros((0, 4))),
        (GREY.astype(np.uint16)[::2, ::-1] * 257, GREY[::2, ::-1]),
    ],
)
def test_scales_that_are_filled_are_believed(levels, expected):
    assert np.array_equal(eight_bits(levels), expected)


@pytest.mark.parametrize(
    "levels", [np.array([[-1, 5]]), np.array([[0, 65_536]]), np.array([[0.0, np.nan]]), np.array([[0.0, np.inf]]),
    np.full((2, 2), 0.5)]
)  # fmt: skip
def test_what_no_rule_explains_is_refused(levels):
    with pytest.raises(ValueError, match="grey levels; convert it to 8 or 16 bits"):
        eight_bits(levels)


def test_files_of_fractions_and_degrees(tmp_path):
    Image.fromarray((GREY / 255).astype(np.float32)).save(tmp_path / "a.tif")
    assert np.array_equal(load_image(tmp_path / "a.tif")[:, :, 2], GREY)
    celsius = (GREY / 10 - 12).astype(np.float32)
    Image.fromarray(celsius).save(tmp_path / "b.tif")
    assert len(np.unique(load_image(tmp_path / "b.tif"))) > 200
