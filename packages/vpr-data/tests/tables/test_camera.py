"""What cameras and phones write, byte by byte: the GPS directory is made by hand, since libraries write only good
ones."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image

from vpr_data.tables.camera import NOTHING, exif_columns, hemisphere, photo_facts
from vpr_data.tables.image_table import ImageTable
from vpr_data.tables.photos import open_photos

ASCII, SHORT, RATIONAL, UNDEFINED, SIGNED = 2, 3, 5, 7, 10


def rationals(*pairs, signed=False):
    return b"".join(struct.pack("<ii" if signed else "<II", *pair) for pair in pairs)


def block(gps, exif=()):
    """Return an EXIF block of hand-chosen entries ``(tag, type, count, payload)``."""

    def directory(entries, start):
        out, data, base = struct.pack("<H", len(entries)), b"", start + 2 + 12 * len(entries) + 4
        for tag, kind, count, payload in entries:
            value = payload.ljust(4, b"\0")
            if len(payload) > 4:
                value, data = struct.pack("<I", base + len(data)), data + payload
            out += struct.pack("<HHI", tag, kind, count) + value
        return out + struct.pack("<I", 0) + data

    at = 8 + 2 + 12 * 2 + 4
    more = directory(sorted(exif), at)
    main = [(0x8769, 4, 1, struct.pack("<I", at)), (0x8825, 4, 1, struct.pack("<I", at + len(more)))]
    return b"Exif\0\0II*\0" + struct.pack("<I", 8) + directory(main, 8) + more + directory(sorted(gps), at + len(more))


LAT, LON = rationals((33, 1), (51, 1), (24, 1)), rationals((70, 1), (39, 1), (0, 1))
MINUS = rationals((-33, 1), (-51, 1), (-24, 1), signed=True)
WEST = [(3, ASCII, 2, b"W\0"), (4, RATIONAL, 3, LON)]
SOUTH = [(1, ASCII, 2, b"S\0"), (2, RATIONAL, 3, LAT)]


def text(tag, value):
    raw = value.encode() + b"\0"
    return (tag, ASCII, len(raw), raw)


@pytest.fixture
def shot(tmp_path):
    def write(name, gps=(), exif=(), **options):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(path, exif=block(list(gps), list(exif)), **options)
        return path

    return write


@pytest.mark.parametrize(
    ("reference", "latitude"),
    [
        ((ASCII, 2, b"S\0"), (RATIONAL, LAT)),
        ((1, 2, b"S\0"), (RATIONAL, LAT)),
        ((UNDEFINED, 2, b"S\0"), (RATIONAL, LAT)),
        ((SHORT, 1, struct.pack("<H", ord("S"))), (RATIONAL, LAT)),
        ((ASCII, 6, b"South\0"), (RATIONAL, LAT)),
        ((ASCII, 3, b" s\0"), (RATIONAL, LAT)),
        ((ASCII, 2, b"S\0"), (SIGNED, MINUS)),
        ((ASCII, 1, b"\0"), (SIGNED, rationals((-33, 1), (51, 1), (24, 1), signed=True))),
        ((ASCII, 2, b"S\0"), (RATIONAL, rationals((33, 1), (5140, 100), (0, 1)))),
    ],
)
def test_every_way_to_say_south(shot, reference, latitude):
    kind, raw = latitude
    facts = photo_facts(shot("a.jpg", [(1, *reference), (2, kind, 3, raw), *WEST]))
    assert (facts.latitude, facts.longitude) == pytest.approx((-33.8566667, -70.65), abs=1e-7)


@pytest.mark.parametrize(
    ("gps", "why"),
    [
        (
            [(1, ASCII, 1, b"\0"), (2, RATIONAL, 3, LAT), *WEST],
            "latitude in EXIF lacks its hemisphere (N or S, it says",
        ),
        ([(2, RATIONAL, 3, LAT), *WEST], "latitude in EXIF lacks its hemisphere"),
        ([*SOUTH, (4, RATIONAL, 3, LON)], "longitude in EXIF lacks its hemisphere (E or W"),
        # O is Ost to some, ouest to others.
        ([*SOUTH, (3, ASCII, 2, b"O\0"), (4, RATIONAL, 3, LON)], "longitude in EXIF lacks its hemisphere"),
        ([*SOUTH, (3, ASCII, 2, b"N\0"), (4, RATIONAL, 3, LON)], "longitude in EXIF lacks its hemisphere"),
        ([(1, ASCII, 2, b"N\0"), (2, SIGNED, 3, MINUS), *WEST], "is negative and says N, which contradict each other"),
        ([(1, ASCII, 2, b"S\0"), (2, RATIONAL, 3, rationals(*[(0, 0)] * 3)), *WEST], "latitude in EXIF is no number"),
        ([(1, ASCII, 2, b"S\0"), (2, RATIONAL, 3, rationals((95, 1), (0, 1), (0, 1))), *WEST], "none on earth"),
        ([], "no GPS position in EXIF or XMP"),
    ],
)
def test_a_position_that_cannot_be_used_is_called_what_it_is(shot, gps, why):
    facts = photo_facts(shot("a.jpg", gps))
    assert facts.latitude is None
    assert why in facts.without


@pytest.mark.parametrize(
    ("reference", "letter"),
    [("n", "N"), (b"E\0", "E"), (87, "W"), ((83, 0), "S"), ("East", "E"), ("X", None), (None, None), (True, None),
    (999, None), ("", None)],
)  # fmt: skip
def test_hemispheres(reference, letter):
    assert hemisphere(reference) == letter


@pytest.mark.parametrize(
    ("exif", "gps", "time"),
    [
        ([text(0x9003, "2024:05:01 12:00:01")], [], "2024-05-01T12:00:01"),
        ([text(0x9003, "2024:05:01 12:00:01"), text(0x9011, "+02:00")], [], "2024-05-01T12:00:01+02:00"),
        ([text(0x9003, "0000:00:00 00:00:00")], [], ""),
        ([text(0x9003, "    :  :     :  :  ")], [], ""),
        ([text(0x9003, "2026:07:14 20:19:45   :  ")], [], "2026-07-14T20:19:45"),
        ([text(0x9003, "2015:02:01 14:42:59+01:00")], [], "2015-02-01T14:42:59+01:00"),
        ([text(0x9003, "2024:05:01 17:45:31")], [(7, RATIONAL, 3, rationals((12, 1), (0, 1), (30, 1))), text(29,
        "2024:05:01")], "2024-05-01T17:45:31+05:45"),
        ([text(0x9003, "0000:00:00 00:00:00")], [(7, RATIONAL, 3, rationals((12, 1), (0, 1), (30, 1))), text(29,
        "2024:05:01")], "2024-05-01T12:00:30+00:00"),
        ([text(0x9003, "2024:05:01 12:00:01")], [(7, RATIONAL, 3, rationals((1, 0), (0, 0), (30, 1))), text(29,
        "2024:05:01")], "2024-05-01T12:00:01"),
    ],
)  # fmt: skip
def test_times_with_zones_from_camera_or_receiver(shot, exif, gps, time):
    assert photo_facts(shot("a.jpg", [*SOUTH, *WEST, *gps], exif)).time == time


XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:exif="http://ns.adobe.com/exif/1.0/" {}</rdf:RDF></x:xmpmeta>'
)


@pytest.mark.parametrize(
    "inside",
    [
        'exif:GPSLatitude="33,51.4S" exif:GPSLongitude="70,39W"/>',
        'exif:GPSLatitude="33,51,24S" exif:GPSLongitude="70,39,0W"/>',
        "><exif:GPSLatitude>33,51.4S</exif:GPSLatitude><exif:GPSLongitude>70,39W</exif:GPSLongitude></rdf:Description>",
    ],
)
@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_positions_in_xmp(tmp_path, inside, suffix):
    Image.new("RGB", (8, 8)).save(tmp_path / f"a.{suffix}", xmp=XMP.format(inside).encode())
    facts = photo_facts(tmp_path / f"a.{suffix}")
    assert (facts.latitude, facts.longitude) == pytest.approx((-33.8566667, -70.65), abs=1e-7)


def test_xmp_with_entities_is_not_expanded(tmp_path):
    bomb = '<!DOCTYPE x [<!ENTITY a "33,51.4S">]>' + XMP.format('exif:GPSLatitude="&a;" exif:GPSLongitude="70,39W"/>')
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg", xmp=bomb.encode())
    assert photo_facts(tmp_path / "a.jpg").without == "no GPS position in EXIF or XMP"


def test_a_fault_of_one_image_costs_that_image(tmp_path, shot):
    for number in range(4):
        shot(f"pics/{number}.jpg", [*SOUTH, *WEST], [text(0x9003, f"2024:05:01 12:00:0{number}")])
    shot("pics/clock.jpg", [*SOUTH, *WEST], [text(0x9003, "0000:00:00 00:00:00")])
    shot("pics/lost.jpg")
    (tmp_path / "pics" / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    shot("pics/@eaDir/0.jpg/SYNOPHOTO_THUMB_XL.jpg")
    photos = open_photos(tmp_path / "pics")
    assert photos.images.names == ("0.jpg", "1.jpg", "2.jpg", "3.jpg", "broken.jpg", "clock.jpg", "lost.jpg")
    assert photos.images.located.tolist() == [True, True, True, True, False, True, False]
    assert photos.images.degrees[0].tolist() == pytest.approx([-33.8566667, -70.65], abs=1e-7)
    assert photos.notes == (
        f"5 of 7 images have a position; without one: broken.jpg (cannot be read), lost.jpg ({NOTHING})",
    )
    table = ImageTable(source=tmp_path, columns={"name": photos.images.names})
    blank = exif_columns(table, root=tmp_path / "pics", missing="blank")
    assert blank["time"] == [*(f"2024:05:01 12:00:0{number}" for number in range(4)), "", "", ""]


def test_a_folder_without_any_position(tmp_path, shot):
    shot("pics/a.jpg")
    photos = open_photos(tmp_path / "pics")
    assert not photos.images.located.any()
    assert np.isnan(photos.images.xy).all()
    assert photos.notes == ()
    shot("pics/a.jpg", [(2, RATIONAL, 3, LAT), *WEST])
    (note,) = open_photos(tmp_path / "pics").notes
    assert "1 of 1 images in" in note
    assert "lacks its hemisphere" in note


def test_positions_in_names_of_most(tmp_path, photo):
    for name in ("@500000@5000000@32@T@.jpg", "@500010@5000000@32@T@.jpg", "cover.jpg"):
        photo(f"pics/{name}")
    photos = open_photos(tmp_path / "pics")
    assert photos.images.located.tolist() == [True, True, False]
    assert str(photos.images.frame) == "UTM zone 32 north"
    (note,) = photos.notes
    assert note == "2 of 3 images have a position; without one: cover.jpg (no '@easting@northing@' in its name)"
    photo("at/me@home.jpg")
    assert not open_photos(tmp_path / "at").images.located.any()
