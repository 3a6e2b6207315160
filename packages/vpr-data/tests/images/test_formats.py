from __future__ import annotations

import io
import struct
import warnings

import numpy as np
import pytest
from PIL import Image, features

from vpr_data import ImageDecodeError, check_images, list_images, load_image
from vpr_data.images import formats
from vpr_data.images.formats import open_image, passed_over
from vpr_data.tables.camera import photo_facts

SMOOTH = np.add.outer(np.arange(48), np.arange(64)).astype(np.uint8)[:, :, None].repeat(3, axis=2)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.jfif", "JPEG"), ("b.JPE", "JPEG"), ("b.jps", "JPEG"), ("c.pgm", "PPM"), ("c.pnm", "PPM"), ("d.dib", "BMP"),
    ("e.apng", "PNG")],
)  # fmt: skip
def test_everything_the_decoder_reads_is_listed(tmp_path, name, kind):
    image = Image.fromarray(SMOOTH)
    (image.convert("L") if name.endswith("pgm") else image).save(tmp_path / name, kind)
    assert list_images(tmp_path, root=tmp_path).columns["name"] == [name]
    assert np.abs(load_image(tmp_path / name).astype(int) - SMOOTH).max() <= 8


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow was built without AVIF")
@pytest.mark.parametrize("orientation", [1, 6])
def test_avif_is_read_upright(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(SMOOTH).save(tmp_path / "a.avif", exif=exif, quality=95)
    found = load_image(tmp_path / "a.avif")
    upright = SMOOTH if orientation == 1 else np.rot90(SMOOTH, 3)
    assert np.abs(found.astype(int) - upright).mean() < 4
    assert list_images(tmp_path, root=tmp_path).columns["name"] == ["a.avif"]
    (tmp_path / "b.avif").write_bytes((tmp_path / "a.avif").read_bytes()[:200])
    with pytest.raises(ImageDecodeError, match="damaged or truncated"):
        load_image(tmp_path / "b.avif")


@pytest.mark.parametrize("orientation", [1, 6])
def test_heic_is_read_upright_with_its_position(tmp_path, orientation):
    heif = pytest.importorskip("pillow_heif", reason="HEIC needs the extra vpr-data[heif]")
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x8825] = {1: "S", 2: (33.0, 51.0, 24.0), 3: "W", 4: (70.0, 39.0, 0.0)}
    # The encoder turns the tag into a rotation of the container, as phones do.
    heif.from_pillow(Image.fromarray(SMOOTH)).save(tmp_path / "IMG_1.HEIC", exif=exif.tobytes(), quality=95)
    found = load_image(tmp_path / "IMG_1.HEIC")
    upright = SMOOTH if orientation == 1 else np.rot90(SMOOTH, 3)
    assert np.abs(found.astype(int) - upright).mean() < 4
    assert photo_facts(tmp_path / "IMG_1.HEIC").latitude == pytest.approx(-33.8566667, abs=1e-7)
    assert "HEIF" not in Image.OPEN  # nobody else's Pillow changes


def test_what_is_not_read_is_counted_and_named(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "heif_is_read", lambda: False)
    Image.fromarray(SMOOTH).save(tmp_path / "a.jpg")
    for name in ("b.HEIC", "c.heic", "d.dng", "e.MOV", "f.svg", "notes.txt", "@eaDir/a.jpg/T.jpg", "._a.jpg",
    ".thumbnails/x.jpg", "#recycle/y.jpg"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"\0\0\0\x18ftypheic" + bytes(300))
    table = list_images(tmp_path, root=tmp_path)
    assert table.columns["name"] == ["a.jpg"]
    (note,) = table.notes
    assert note == (
        "passed over: 2 .heic (pip install 'vpr-data[heif]' reads them), "
        "1 .dng (raw camera files: export them as JPEG), 1 .mov (vpr extract FILE --every 1s takes frames), "
        "1 .svg (convert them to JPEG or PNG)"
    )
    with pytest.raises(ImageDecodeError, match=r"is HEIC, which this installation does not read \(pip install"):
        load_image(tmp_path / "b.HEIC")
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"holds no image .*; passed over: 2 .heic"):
        list_images(tmp_path, root=tmp_path)
    assert passed_over(["a.txt", "b"]) == ""
    (tmp_path / "x.jpg").write_bytes(b"\0\0\0\x18ftypqt  " + bytes(30))
    with pytest.raises(ImageDecodeError, match="is a video"):
        load_image(tmp_path / "x.jpg")


def header_of_jpeg(width, height, *, progressive=False):
    """Return a JPEG whose frame header claims a size; what follows is the data of a small one."""
    out = io.BytesIO()
    Image.fromarray(SMOOTH).save(out, "JPEG", progressive=progressive)
    data = bytearray(out.getvalue())
    start = data.index(b"\xff\xc2" if progressive else b"\xff\xc0")
    data[start + 5 : start + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def test_the_limit_is_on_what_is_decoded(tmp_path):
    """A photo of 108 megapixels is read where a small image is wanted, without a word from Pillow."""
    Image.new("RGB", (12_000, 9_000), (90, 120, 200)).save(tmp_path / "big.jpg", quality=30)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = load_image(tmp_path / "big.jpg", at_least=(48, 64))
    assert found.shape == (1125, 1500, 3)
    assert np.abs(found[::100, ::100].astype(int) - (90, 120, 200)).max() <= 3
    assert check_images([tmp_path / "big.jpg"]) == []
    with pytest.raises(
        ImageDecodeError, match=r"has more than 89,478,485 pixels .*108,000,000 would have to be.*max_pixels"
    ):
        load_image(tmp_path / "big.jpg")


@pytest.mark.parametrize(
    ("size", "at_least", "limit", "progressive", "refused"),
    [
        ((16_384, 8_192), (100, 200), None, False, False),
        ((16_384, 8_192), (4_000, 8_000), None, False, False),
        ((16_384, 8_192), (8_000, 16_000), None, False, True),
        ((16_384, 8_192), None, 200_000_000, False, False),
        ((16_384, 8_192), (100, 200), None, True, True),  # coefficients of a progressive JPEG are held whole
        ((640, 480), None, 300_000, False, True),
        ((60_000, 60_000), (100, 100), None, False, False),
        ((60_000, 60_000), (100, 100), 1_000_000, False, True),
    ],
)
def test_sizes_against_limits(tmp_path, monkeypatch, size, at_least, limit, progressive, refused):
    class EnoughError(Exception):
        pass

    def stop(self):
        raise EnoughError

    (tmp_path / "x.jpg").write_bytes(header_of_jpeg(*size, progressive=progressive))
    with (tmp_path / "x.jpg").open("rb") as file:
        kind = type(open_image(file))
    monkeypatch.setattr(kind, "load", stop)  # whether decoding would begin is what is asked
    options = {} if limit is None else {"max_pixels": limit}
    with pytest.raises(ImageDecodeError) as caught:
        load_image(tmp_path / "x.jpg", at_least=at_least, **options)
    assert ("and is not decoded" in caught.value.reason) == refused
