from __future__ import annotations

import numpy as np
import pytest

from vpr_data import FolderDataset
from vpr_data.earth.geo import earth_centred
from vpr_data.tables.gpx import MAX_BYTES, Track, read_gpx
from vpr_data.tables.photos import open_photos

HEAD = '<?xml version="1.0"?><gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>'
TAIL = "</trkseg></trk></gpx>"


def point(lat, lon, time):
    return f'<trkpt lat="{lat}" lon="{lon}"><ele>170</ele><time>{time}</time></trkpt>'


WALK = "".join(point(48.2 + 1e-4 * n, 16.37, f"2024-05-01T10:00:{10 * n:02d}Z") for n in range(4))


@pytest.fixture
def gpx(tmp_path):
    def write(inside, head=HEAD, tail=TAIL):
        path = tmp_path / "track.gpx"
        path.write_text(head + inside + tail)
        return path

    return write


def seconds(text):
    return np.array([np.datetime64(text, "ms").astype(np.int64) / 1000])


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2024-05-01T10:00:00", (48.2, 16.37)),
        ("2024-05-01T10:00:05", (48.20005, 16.37)),
        ("2024-05-01T10:00:12.5", (48.200125, 16.37)),
        ("2024-05-01T10:00:30", (48.2003, 16.37)),
        ("2024-05-01T10:00:30.4", (48.2003, 16.37)),
        ("2024-05-01T09:59:58", None),
        ("2024-05-01T10:00:32", None),
    ],
)
def test_between_two_points_the_straight_line_is_taken(gpx, time, expected):
    found = read_gpx(gpx(WALK)).at(seconds(time), gap=60)
    assert np.isnan(found).all() if expected is None else np.abs(found[0] - expected).max() < 1e-9


def test_gaps_and_segments_are_not_bridged(gpx):
    far = point(48.3, 16.37, "2024-05-01T10:05:30Z")
    track = read_gpx(gpx(WALK + far))
    assert np.isnan(track.at(seconds("2024-05-01T10:02:00"), gap=60)).all()
    assert np.isfinite(track.at(seconds("2024-05-01T10:02:00"), gap=400)).all()
    assert track.at(seconds("2024-05-01T10:05:30"), gap=60).round(9).tolist() == [[48.3, 16.37]]
    apart = read_gpx(gpx(WALK + "</trkseg><trkseg>" + point(48.3, 16.37, "2024-05-01T10:00:40Z")))
    assert np.isnan(apart.at(seconds("2024-05-01T10:00:35"), gap=60)).all()


def test_the_line_crosses_180_degrees(gpx):
    track = read_gpx(
        gpx(point(-17, 179.9999, "2024-05-01T10:00:00Z") + point(-17, -179.9999, "2024-05-01T10:00:10.000Z"))
    )
    found = track.at(seconds("2024-05-01T10:00:05"), gap=60)
    assert abs(abs(found[0, 1]) - 180) < 1e-9
    ends = earth_centred(np.array([-17.0, found[0, 0]]), np.array([179.9999, found[0, 1]]))
    assert abs(np.linalg.norm(ends[0] - ends[1]) - 10.65) < 0.05  # half of 21.3 m


@pytest.mark.parametrize(
    ("inside", "head", "message"),
    [
        ("", HEAD, r"has no track point with a time \(0 without\)"),
        ('<trkpt lat="1" lon="2"/>', HEAD, r"has no track point with a time \(1 without\)"),
        (point(91, 2, "2024-05-01T10:00:00Z"), HEAD, "track point 1 lies at 91.0, 2.0, which is no place on earth"),
        (point("nan", 2, "2024-05-01T10:00:00Z"), HEAD, "which is no place on earth"),
        (point(1, 2, "yesterday"), HEAD, "track point 1 makes no sense"),
        ('<trkpt lon="2"><time>2024-05-01T10:00:00Z</time></trkpt>', HEAD, "track point 1 makes no sense"),
        (WALK, HEAD.replace("<gpx", "<kml"), "is XML but no GPX .it begins with <kml>"),
        ("<trkpt", HEAD, "is not well-formed XML"),
        (WALK, '<!DOCTYPE gpx [<!ENTITY a "aaaa">]>' + HEAD[21:], "declares a document type or entities"),
    ],
)
def test_what_is_no_track(gpx, inside, head, message):
    with pytest.raises(ValueError, match=message):
        read_gpx(gpx(inside, head=head))


def test_a_file_of_another_kind_or_size(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="there is no such file; gpx names the track"):
        read_gpx(tmp_path / "none.gpx")
    (tmp_path / "t.gpx").write_bytes(b"\0\1binary")
    with pytest.raises(ValueError, match="is not well-formed XML"):
        read_gpx(tmp_path / "t.gpx")
    assert MAX_BYTES > 10**8
    monkeypatch.setattr("vpr_data.tables.gpx.MAX_BYTES", 4)
    with pytest.raises(ValueError, match="cut the track to the time of the photos"):
        read_gpx(tmp_path / "t.gpx")


def test_photos_along_a_track(tmp_path, tagged, gpx):
    """A camera on Central European Summer Time: by offset, by its own zone, and the message that finds the offset."""
    tagged("pics/a.jpg", time="2024:05:01 12:00:05")
    tagged("pics/b.jpg", time="2024:05:01 12:00:15")
    tagged("pics/c.jpg", time="2024:05:01 13:00:00")
    tagged("pics/d.jpg")
    track = gpx(WALK)
    photos = open_photos(tmp_path / "pics", gpx=track, gpx_offset=-7200)
    assert photos.images.located.tolist() == [True, True, False, False]
    assert np.abs(photos.images.degrees[:2] - [[48.20005, 16.37], [48.20015, 16.37]]).max() < 1e-9
    (note,) = photos.notes
    assert note.startswith("2 of 4 images have a position; without one: c.jpg (the track does not say where, at its")
    assert note.endswith("d.jpg (it has no time)")
    with pytest.raises(ValueError, match=r"runs from 2024-05-01 10:00:00 to .*: gpx_offset -7200 would fit"):
        open_photos(tmp_path / "pics", gpx=track)


def test_a_data_set_along_a_track(tmp_path, tagged, gpx):
    gpx(WALK)
    for role, second in (("database", 0), ("database", 30), ("queries", 1)):
        tagged(f"{role}/{second}.jpg", time=f"2024:05:01 10:00:{second:02d}")
    split = FolderDataset(root=tmp_path, gpx="track.gpx").split("test")
    assert [row.tolist() for row in split.positives()] == [[0]]
    (tmp_path / "t.csv").write_text(
        "name,time\ndatabase/0.jpg,2024-05-01T12:00:05+02:00\nqueries/1.jpg,2024-05-01T10:00:20Z\n"
    )
    split = FolderDataset(root=tmp_path, table="t.csv", gpx="track.gpx").split("test")
    assert np.abs(split.database.degrees[:, 0] - [48.20005, 48.2002]).max() < 1e-9
    tagged("only/database/a.jpg")
    tagged("only/queries/a.jpg")
    with pytest.raises(ValueError, match=r"no image of .* says when it was taken"):
        FolderDataset(root=tmp_path / "only", gpx=tmp_path / "track.gpx")


def test_a_track_of_one_point():
    one = Track(source=None, time=np.array([10.0]), degrees=np.array([[1.0, 2.0]]), segment=np.array([1]))
    found = one.at(np.array([10.0, 10.4, 11.0]), gap=60)
    assert found[:2].round(9).tolist() == [[1, 2], [1, 2]]
    assert np.isnan(found[2]).all()
