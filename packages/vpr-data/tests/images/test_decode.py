from __future__ import annotations

import os
import pickle
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from vpr_data import ImageDecodeError, load_image

PIXELS = np.random.default_rng(3).integers(0, 256, (20, 30, 3), dtype=np.uint8)
FLAG = np.zeros((40, 64, 3), dtype=np.uint8)
FLAG[:16, :16] = 255  # one bright corner tells every orientation from the others


def saved(path, image, **options):
    image.save(path, **options)
    return load_image(path)


def reason(path):
    with pytest.raises(ImageDecodeError) as caught:
        load_image(path)
    assert caught.value.path == path
    assert str(caught.value) == f"{path}: {caught.value.reason}"
    return caught.value.reason


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "ppm"])
def test_lossless_formats_give_back_the_pixels(tmp_path, suffix):
    found = saved(tmp_path / f"x.{suffix}", Image.fromarray(PIXELS))
    assert found.dtype == np.uint8
    assert np.array_equal(found, PIXELS)
    assert found.flags.writeable


@pytest.mark.parametrize(
    ("suffix", "options"), [("jpg", {}), ("jpg", {"progressive": True}), ("webp", {"quality": 95})]
)
def test_lossy_formats_come_close(tmp_path, suffix, options):
    smooth = np.add.outer(np.arange(40), np.arange(60)).astype(np.uint8)[:, :, None].repeat(3, axis=2)
    found = saved(tmp_path / f"x.{suffix}", Image.fromarray(smooth), **options)
    assert np.abs(found.astype(int) - smooth).max() <= 8


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "1", "P", "CMYK"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    source = Image.fromarray(PIXELS).convert(mode)
    found = saved(tmp_path / ("x.tif" if mode == "CMYK" else "x.png"), source)
    assert found.shape == (20, 30, 3)
    reference = np.array((source.convert("RGBA") if mode == "P" else source).convert("RGB"))
    assert np.abs(found.astype(int) - reference).max() <= 1


def test_a_cmyk_jpeg_and_a_palette_with_transparency(tmp_path):
    grey = Image.new("RGB", (16, 16), (200, 40, 90))
    assert np.abs(saved(tmp_path / "x.jpg", grey.convert("CMYK")).astype(int) - (200, 40, 90)).max() <= 6
    palette = grey.quantize(4)
    found = saved(tmp_path / "x.png", palette, transparency=bytes([0, 255, 255, 255]))
    assert np.array_equal(found, np.array(palette.convert("RGB")))


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_grey_is_scaled_by_257(tmp_path, suffix):
    grey = np.random.default_rng(0).integers(0, 65536, (30, 40)).astype(np.uint16)
    found = saved(tmp_path / f"x.{suffix}", Image.fromarray(grey))
    assert np.array_equal(found[:, :, 0], np.round(grey / 257).astype(np.uint8))
    assert np.array_equal(found[:, :, 0], found[:, :, 2])


def test_levels_without_a_meaning_are_refused(tmp_path):
    Image.fromarray(np.full((4, 4), 70_000, dtype=np.int32)).save(tmp_path / "x.tif")
    assert reason(tmp_path / "x.tif") == "has 32-bit grey levels; convert it to 8 or 16 bits"
    Image.fromarray(np.full((4, 4), 0.5, dtype=np.float32)).save(tmp_path / "y.tif")
    assert reason(tmp_path / "y.tif") == "has floating-point grey levels; convert it to 8 or 16 bits"


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, suffix, orientation):
    upright = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 3),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, 1),
    }[orientation](FLAG)
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = saved(tmp_path / f"x.{suffix}", Image.fromarray(FLAG), exif=exif)
    assert found.shape == upright.shape
    assert np.abs(found.astype(int) - upright).mean() < 8


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_orientation_out_of_range_and_a_damaged_exif_block_are_passed_over(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert saved(tmp_path / "x.jpg", Image.fromarray(FLAG), exif=exif).shape == FLAG.shape
    assert saved(tmp_path / "y.jpg", Image.fromarray(FLAG), exif=b"Exif\0\0not a TIFF block").shape == FLAG.shape


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_of_an_animation_the_first_frame_is_taken(tmp_path, suffix):
    first, second = Image.new("RGB", (16, 16), (250, 0, 0)), Image.new("RGB", (16, 16), (0, 0, 250))
    first.save(tmp_path / f"x.{suffix}", save_all=True, append_images=[second])
    assert np.abs(load_image(tmp_path / f"x.{suffix}").astype(int) - (250, 0, 0)).max() <= 6


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1)])
def test_thin_images(tmp_path, size):
    assert saved(tmp_path / "x.png", Image.new("RGB", size)).shape == (size[1], size[0], 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty (0 bytes); fetch it again"),
        (b"\xff", "is none of JPEG, PNG, WEBP, BMP, TIFF, GIF, PPM; convert it, or leave it out"),
        (b"<!DOCTYPE html><html>404</html>", "is a web page or XML, not an image; fetch it again"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "is a Git LFS pointer, not the image; run 'git lfs pull'"),
        (b"%PDF-1.7 hello", "is none of JPEG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is none of JPEG"),
    ],
)
def test_what_is_no_image_is_called_what_it_is(tmp_path, content, message):
    path = tmp_path / "x.jpg"
    path.write_bytes(content)
    assert reason(path).startswith(message)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_truncated_files(tmp_path, share, suffix):
    path = tmp_path / f"x.{suffix}"
    Image.fromarray(PIXELS).resize((90, 60)).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert reason(path)


def test_missing_files_folders_and_link_loops(tmp_path):
    assert reason(tmp_path / "none.jpg") == "does not exist; check the root folder and the list of names"
    (tmp_path / "x.jpg").mkdir()
    assert reason(tmp_path / "x.jpg") == "is a folder, not an image file"
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    assert reason(tmp_path / "loop.jpg").startswith("cannot be read: ")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.jpg")
    assert reason(tmp_path / "x.jpg") == "is a pipe, not an image file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path):
    path = tmp_path / "x.png"
    Image.fromarray(PIXELS).save(path)
    path.chmod(0)
    assert reason(path) == "may not be read (permission denied)"


def test_permission_denied_is_said(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "x.png").write_bytes(b"")
    monkeypatch.setattr("pathlib.Path.open", refuse)
    assert reason(tmp_path / "x.png") == "may not be read (permission denied)"


@pytest.mark.parametrize("size", [(20_000, 20_000), (10_000, 10_000)])
def test_a_bomb_is_refused_from_its_header(tmp_path, size):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    # There is no picture behind the header: decoding it would fail otherwise.
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0))
    path = tmp_path / "x.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    assert reason(path).startswith("has more than 89,478,485 pixels and is not decoded")


@pytest.mark.parametrize("orientation", [1, 6])
def test_scaled_decoding_stays_large_enough_and_close(tmp_path, orientation):
    y, x = np.mgrid[0:480, 0:640] / 40.0
    smooth = np.stack([128 + 100 * np.sin(x + k) * np.cos(y) for k in range(3)], axis=2).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "x.jpg"
    Image.fromarray(smooth).save(path, quality=95, exif=exif)
    whole = load_image(path)
    for at_least in [(240, 320), (241, 320), (100, 100), (60, 80), (1, 1), (1000, 1000)]:
        found = load_image(path, at_least=at_least)
        scale = whole.shape[0] / found.shape[0]
        assert scale in (1, 2, 4, 8)
        assert all(
            side >= min(wanted, full)
            for side, wanted, full in zip(found.shape[:2], at_least, whole.shape[:2], strict=True)
        )
        blocks = whole.reshape(found.shape[0], int(scale), found.shape[1], int(scale), 3).mean(axis=(1, 3))
        assert np.abs(found - blocks).mean() < 3
    wanted = (120, 160) if orientation == 1 else (160, 120)
    assert load_image(path, at_least=wanted).shape[:2] == wanted


def test_the_error_survives_pickling(tmp_path):
    error = pickle.loads(pickle.dumps(ImageDecodeError(tmp_path, "is odd")))
    assert (error.path, error.reason) == (tmp_path, "is odd")
    assert isinstance(error, ValueError)


def test_random_bytes_never_escape_the_typed_error(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "x"
    for suffix in ("jpg", "png", "webp", "tif", "gif", "bmp", "ppm"):
        whole = tmp_path / f"whole.{suffix}"
        Image.fromarray(PIXELS).save(whole)
        for _ in range(40):
            content = bytearray(whole.read_bytes())
            for position in rng.integers(0, min(len(content), 200), 4):
                content[position] = rng.integers(0, 256)
            path.write_bytes(content)
            try:
                found = load_image(path)
            except ImageDecodeError:
                continue
            assert found.dtype == np.uint8
            assert found.shape[2] == 3
