"""Tables as spreadsheets and exiftool write them, understood without being told their columns."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from vpr_data import FolderDataset
from vpr_data.tables.angles import angle, decimal_points, pair
from vpr_data.tables.csv_table import read_csv, read_list
from vpr_data.tables.geojson import read_geojson

PLACE = (-33.8566667, 151.2152778)


def table(tmp_path, text, encoding="utf-8"):
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    return dict(read_csv(tmp_path / "t.csv").columns)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "text",
    [
        "name;lat;lon\na.jpg;48,2;16,37\nb.jpg;48;16,5\n",
        "sep=;\r\nname;lat;lon\r\na.jpg;48,2;16,37\r\nb.jpg;48;16,5\r\n",
        '"sep=\t"\nname\tlat\tlon\na.jpg\t48.2\t16.37\nb.jpg\t48\t16.5\n',
        "name;lat, lon\na.jpg;48.2, 16.37\nb.jpg;48, 16.5\n",
        'name,coordinates\na.jpg,"48.2, 16.37"\nb.jpg,"(48; 16.5)"\n',
        "name\tposition\na.jpg\t48,2 16,37\nb.jpg\t48 16,5\n",
        'name,wkt\na.jpg,POINT (16.37 48.2)\nb.jpg,"POINT(16.5 48)"\n',
        "name,location\na.jpg,48.2N 16.37E\nb.jpg,E16.5 N48\n",
        "name;lat;lon\na.jpg;48°12'00\"N;16°22'12\"E\nb.jpg;48° N;16 30 E\n",
    ],
)
def test_coordinates_as_spreadsheets_export_them(tmp_path, text, encoding):
    found = table(tmp_path, text, encoding)
    assert set(found) == {"name", "lat", "lon"}
    assert [float(value) for value in found["lat"]] == pytest.approx([48.2, 48], abs=1e-9)
    assert [float(value) for value in found["lon"]] == pytest.approx([16.37, 16.5], abs=1e-9)


@pytest.mark.parametrize(
    "row",
    [
        'GPSLatitude,GPSLongitude\n{},"33 deg 51\' 24.00"" S","151 deg 12\' 55.00"" E"\n',
        'GPSPosition\n{},"33 deg 51\' 24.00"" S, 151 deg 12\' 55.00"" E"\n',
        "GPSLatitude,GPSLongitude\n{},-33.8566667,151.2152778\n",
        "GPSLatitude,GPSLatitudeRef,GPSLongitude,GPSLongitudeRef\n{},33.8566667,South,151.2152778,East\n",
        'GPSLatitude,GPSLatitudeRef,GPSLongitude,GPSLongitudeRef\n{},"33 deg 51\' 24.00""",S,"151 deg 12\' 55""",E\n',
        "EXIF:GPSLatitude,Composite:GPSLatitude,Composite:GPSLongitude\n{},33.8566667,-33.8566667,151.2152778\n",
    ],
)
def test_tables_of_exiftool(tmp_path, row):
    found = table(tmp_path, "SourceFile," + row.format("./a.jpg"))
    assert found["name"] == ["a.jpg"]
    assert (float(found["lat"][0]), float(found["lon"][0])) == pytest.approx(PLACE, abs=1e-7)


def test_exiftool_times_and_missing_positions(tmp_path, photo):
    """SourceFile counts from where exiftool ran; one photo has no GPS, one clock was never set."""
    for name in "abc":
        photo(f"photos/{name}.jpg")
    text = (
        "SourceFile,GPSLatitude,GPSLongitude,DateTimeOriginal,OffsetTimeOriginal\n"
        "photos/a.jpg,-33.8566667,151.2152778,2024:05:01 12:00:01,+10:00\n"
        "photos/b.jpg,-,-,2024:05:01 12:00:02,+10:00\n"
        "photos/c.jpg,-33.8566668,151.2152778,0000:00:00 00:00:00,\n"
    )
    (tmp_path / "t.csv").write_text(text)
    data = FolderDataset(root=tmp_path / "photos", table=tmp_path / "t.csv")
    split = data.split("test")
    assert split.database.names == ("a.jpg", "c.jpg")
    assert split.database.time is None
    assert split.notes == ("2 of 3 images have a position; left out: b.jpg",)
    whole = table(tmp_path, text.replace("0000:00:00 00:00:00", "2024:05:01 12:00:03+10:00"))
    assert whole["time"][0] == "2024-05-01T12:00:01+10:00"
    (tmp_path / "t.csv").write_text(text.replace("photos/", f"{tmp_path}/photos/"))
    assert FolderDataset(root=tmp_path / "photos", table=tmp_path / "t.csv").split("test").database.names == (
        "a.jpg",
        "c.jpg",
    )


@pytest.mark.parametrize(
    ("texts", "plain"),
    [
        (["1,5", "2"], ["1.5", "2"]),
        (["584744,96", "584.745,5"], ["584744.96", "584745.5"]),
        (["4,476,709.92", "584,744.5"], ["4476709.92", "584744.5"]),
        (["1,234,567", "12"], ["1234567", "12"]),
        (["1,5", "2.5"], ["1,5", "2.5"]),
        (["1.5", ""], ["1.5", ""]),
        (["584,744", "584,745"], None),
    ],
)
def test_decimal_commas(texts, plain):
    if plain is None:
        with pytest.raises(ValueError, match="'584,744' may be a decimal comma or thousands"):
            decimal_points(texts)
    else:
        assert decimal_points(texts) == plain


@pytest.mark.parametrize(
    ("text", "letters", "degrees"),
    [
        ("33°51.4'S", "NS", -33.8566667),
        ("S 33 51 24", "NS", -33.8566667),
        ("33:51:24 south", "NS", -33.8566667),
        ("-33 51 24", "NS", -33.8566667),
        ("33\u00b051\u203224\u2033 S", "NS", -33.8566667),
        ("151,2152778 E", "EW", 151.2152778),
        ("1e1", "NS", 10),
        ("Vienna", "NS", None),
        ("33 61 0 S", "NS", None),
        ("N 33 S", "NS", None),
        ("33 51 24", "NS", "lacks its hemisphere"),
        ("33 51 24 E", "NS", "says E, where N or S belongs"),
    ],
)
def test_angles(text, letters, degrees):
    if isinstance(degrees, str):
        with pytest.raises(ValueError, match=degrees):
            angle(text, letters)
    else:
        assert angle(text, letters) == (None if degrees is None else pytest.approx(degrees, abs=1e-7))


def test_pairs_in_either_order():
    assert pair("16.37, 48.2", longitude_first=True) == (48.2, 16.37)
    assert pair("48,2;16,37") == (48.2, 16.37)
    assert pair("Main Street 5") is None
    assert pair("48,2,16,37") is None  # four numbers, or two


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,coordinates\na,48.2 16.37\nb,somewhere\n", r"coordinates of 'b' .* is 'somewhere'; write '48.2, 16.37'"),
        ("name;x;y\na;584,744;1\nb;584,745;1\n", "column x: '584,744' may be a decimal comma or thousands"),
        ("name,lat,lon\na,33 51 24,16\n", "lat of 'a' .* is '33 51 24', which lacks its hemisphere"),
        ("name;a;b\nx;1\n", "line 2 has 2 cells, the header has 3"),
        ("sep=;\nname;a;b\nx;1\n", "line 3 has 2 cells, the header has 3"),
    ],
)
def test_what_makes_no_sense_is_named(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        table(tmp_path, text)


def test_a_column_that_only_sounds_like_coordinates(tmp_path):
    assert set(table(tmp_path, "name,location\na,Vienna\n")) == {"name"}
    with pytest.raises(ValueError, match=r"location of 'a' .* is 'Vienna'"):
        read_csv(tmp_path / "t.csv", columns={"latlon": "location"})


def test_a_list_in_utf_16(tmp_path):
    (tmp_path / "l.txt").write_bytes("a.jpg\r\nb.jpg\r\n".encode("utf-16"))
    assert list(read_list(tmp_path / "l.txt").columns["name"]) == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize(
    "name",
    [
        "urn:ogc:def:crs:OGC:1.3:CRS84",
        "EPSG:4326",
        "urn:ogc:def:crs:EPSG::4326",
        "http://opengis.net/def/crs/OGC/1.3/CRS84",
    ],
)
def test_geojson_in_wgs84_by_any_name(tmp_path, name):
    assert read_geojson(geojson(tmp_path, {"type": "name", "properties": {"name": name}})).columns["lat"] == ["48.2"]


@pytest.mark.parametrize(
    ("crs", "said"),
    [
        ({"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3857"}}, "urn:ogc:def:crs:EPSG::3857"),
        ({"type": "name", "properties": {"name": "EPSG:32633"}}, "EPSG:32633"),
        ({"type": "link", "properties": {"href": "http://example.com/crs"}}, "example.com"),
        ("EPSG:31256", "EPSG:31256"),
    ],
)
def test_geojson_in_another_frame_is_refused_by_its_name(tmp_path, crs, said):
    with pytest.raises(ValueError, match=f"its crs is .*{said}.*, not WGS84; .*export it in EPSG:4326"):
        read_geojson(geojson(tmp_path, crs))


def geojson(tmp_path, crs):
    import json

    feature = {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [16.37, 48.2]},
        "properties": {"name": "a"},
    }
    path = tmp_path / "t.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": [feature]}))
    return path


def test_positions_that_unfold_to_gigabytes_are_refused_from_their_header(tmp_path):
    """Eight gigabytes of zeros in a few megabytes of deflate would be unfolded before anybody looks; here only said."""
    (tmp_path / "d.txt").write_text("a\nb\n")
    (tmp_path / "q.txt").write_text("c\n")
    for shape in ((500_000_000, 2), (10**12, 2)):
        with zipfile.ZipFile(tmp_path / "p.npz", "w", zipfile.ZIP_DEFLATED) as archive:
            for key in ("utmDb", "utmQ"):
                header = io.BytesIO()
                np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": shape})
                archive.writestr(f"{key}.npy", header.getvalue() + bytes(1 << 20))
        with pytest.raises(ValueError, match=r"utmDb is float64 \(\d+, 2\); .*lists 2 images, so \(2, 2\) numbers"):
            FolderDataset(root=tmp_path, database="d.txt", queries="q.txt", npz="p.npz")


@pytest.mark.parametrize("word", ["Validation", "VAL", "valid", "dev"])
def test_other_words_for_the_usual_splits(tmp_path, word):
    (tmp_path / "t.csv").write_text(
        f"name,x,y,role,split\na,0,0,db,{word}\nb,0,1,query,{word}\nc,0,0,db,Training\nd,0,1,q,training\n"
    )
    assert FolderDataset(root=tmp_path, table="t.csv").split_names == ("train", "val")


def test_folders_may_bear_other_words(tmp_path, photo):
    photo("validation/database/@1@2@.png")
    photo("validation/queries/@1@2@.png")
    photo("train/database/@1@2@.png")
    photo("train/queries/@1@2@.png")
    data = FolderDataset(root=tmp_path)
    assert data.split_names == ("train", "val")
    assert data.split("val").database.path(0).is_file()
