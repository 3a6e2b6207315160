from __future__ import annotations

import io
import logging

import numpy as np
import pytest
from PIL import Image

from vpr_data import ImageDecodeError, load_image
from vpr_data.images import decode, turbo

simplejpeg = pytest.importorskip("simplejpeg", reason="needs the extra vpr-data[jpeg]")
NOISE = np.random.default_rng(5).integers(-30, 31, (230, 310, 3))
PHOTO = np.clip(np.add.outer(np.arange(230), np.arange(310))[:, :, None] // 3 + [0, 20, 50] + NOISE, 0, 255)
PHOTO = PHOTO.astype(np.uint8)


@pytest.fixture
def counted(monkeypatch):
    """Count what simplejpeg decodes, so that a silent way round it would be noticed."""
    calls = []

    def decoded(file, image):
        found = turbo.decoded_by_turbo(file, image)
        calls.append(found is not None)
        return found

    monkeypatch.setattr(decode, "decoded_by_turbo", decoded)
    return calls


def by_pillow(path, monkeypatch, **how):
    with monkeypatch.context() as patch:
        patch.setattr(decode, "decoded_by_turbo", lambda file, image: None)
        return load_image(path, **how)


def test_it_decodes_to_the_pixels_of_this_pillow():
    assert turbo.turbo() is simplejpeg.decode_jpeg


@pytest.mark.parametrize("options", [{"quality": 75}, {"quality": 95, "subsampling": 0, "progressive": True}])
@pytest.mark.parametrize("at_least", [None, (115, 155), (50, 70), (20, 30), (7, 3)])
def test_both_give_the_same_pixels_at_every_scale_and_upright(tmp_path, monkeypatch, counted, options, at_least):
    for orientation in range(1, 9):
        path, exif = tmp_path / f"{orientation}.jpg", Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(PHOTO).save(path, exif=exif, **options)
        found = load_image(path, at_least=at_least)
        assert np.array_equal(found, by_pillow(path, monkeypatch, at_least=at_least))
        assert found.flags.writeable
        assert found.flags.c_contiguous
    assert counted == [True] * 8


@pytest.mark.parametrize("size", [(1, 1), (7, 7), (8, 1), (9, 17), (16, 5)])
def test_small_images_are_not_taken_at_a_smaller_scale_that_rounds_up_to_their_size(tmp_path, monkeypatch, size):
    Image.fromarray(PHOTO[: size[0], : size[1]]).save(tmp_path / "x.jpg", quality=95)
    assert np.array_equal(load_image(tmp_path / "x.jpg"), by_pillow(tmp_path / "x.jpg", monkeypatch))


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_modes_are_left_to_pillow(tmp_path, monkeypatch, counted, mode):
    Image.fromarray(PHOTO).convert(mode).save(tmp_path / "x.jpg")
    assert np.array_equal(load_image(tmp_path / "x.jpg"), by_pillow(tmp_path / "x.jpg", monkeypatch))
    assert counted == [False]


def test_what_is_damaged_is_said_as_pillow_says_it_and_what_pillow_reads_is_read(tmp_path, monkeypatch, counted):
    held = io.BytesIO()
    Image.fromarray(PHOTO).save(held, "JPEG")
    whole = held.getvalue()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ImageDecodeError) as ours:
        load_image(tmp_path / "cut.jpg")
    with pytest.raises(ImageDecodeError) as theirs:
        by_pillow(tmp_path / "cut.jpg", monkeypatch)
    assert ours.value.reason == theirs.value.reason
    (tmp_path / "more.jpg").write_bytes(whole + b"trailing bytes, as some cameras write them")
    assert np.array_equal(load_image(tmp_path / "more.jpg"), by_pillow(tmp_path / "more.jpg", monkeypatch))
    middle = len(whole) // 2
    (tmp_path / "flipped.jpg").write_bytes(whole[:middle] + bytes([whole[middle] ^ 0x55]) + whole[middle + 1 :])
    assert np.array_equal(load_image(tmp_path / "flipped.jpg"), by_pillow(tmp_path / "flipped.jpg", monkeypatch))
    assert counted == [False, True, counted[2]]


def test_another_libjpeg_is_noticed_and_pillow_decodes(monkeypatch, caplog):
    def coarser(content, colours, *, min_width, min_height):
        return simplejpeg.decode_jpeg(
            content, colours, min_width=min_width, min_height=min_height, fastdct=True, fastupsample=True
        )

    monkeypatch.setattr(simplejpeg, "decode_jpeg", coarser)
    turbo.turbo.cache_clear()
    try:
        with caplog.at_level(logging.WARNING):
            assert turbo.turbo() is None
    finally:
        turbo.turbo.cache_clear()
    assert "Pillow decodes" in caplog.text
