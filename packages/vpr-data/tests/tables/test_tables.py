from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpr_data.tables.csv_table import read_csv, read_list
from vpr_data.tables.geojson import read_geojson


def csv(tmp_path, text, **options):
    path = tmp_path / "t.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_csv(path, **options)


def geojson(tmp_path, data, **options):
    path = tmp_path / "t.geojson"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return read_geojson(path, **options)


def feature(name="a.jpg", coordinates=(5.0, 52.0), **properties):
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": list(coordinates)},
        "properties": {"name": name, **properties},
    }


def collection(*features):
    return {"type": "FeatureCollection", "features": list(features)}


def test_columns_are_known_by_their_usual_names(tmp_path):
    table = csv(tmp_path, "Image_Path,UTM_East,northing,extra,Date\na.jpg,1,2,?,2013-07\n\nsub/b.jpg, 3 ,4,?,2014-07\n")
    assert dict(table.columns) == {
        "name": ["a.jpg", "sub/b.jpg"],
        "x": ["1", "3"],
        "y": ["2", "4"],
        "time": ["2013-07", "2014-07"],
    }
    assert table.where(1) == f"'sub/b.jpg' ({tmp_path / 't.csv'}, line 4)"


@pytest.mark.parametrize(
    "text",
    ["name;x;y\na;1;2\n", "name\tx\ty\na\t1\t2\n", b"\xef\xbb\xbfname,x,y\r\na,1,2\r\n", 'name,x,y\n"a","1","2"\n'],
)
def test_separators_byte_order_mark_and_line_ends(tmp_path, text):
    assert dict(csv(tmp_path, text).columns) == {"name": ["a"], "x": ["1"], "y": ["2"]}


def test_columns_can_be_mapped(tmp_path):
    table = csv(tmp_path, "key,pseudo_e,x\na,1,9\n", columns={"x": "pseudo_e"})
    assert table.columns["x"] == ["1"]


def test_names_with_commas_backslashes_and_a_leading_dot(tmp_path):
    names = csv(tmp_path, 'name\n"a, b.jpg"\n./c.jpg\nd\\e.jpg\nñandú 中.jpg\n').columns["name"]
    assert names == ["a, b.jpg", "c.jpg", "d/e.jpg", "ñandú 中.jpg"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; the first line must name the columns"),
        ("x,y\n1,2\n", "no column holds image names; name one name, image, .*; the table has x, y"),
        ("name,x,x\na,1,2\n", "two columns are named 'x'; rename one"),
        ("name,lat,latitude\na,1,2\n", "columns 'lat' and 'latitude' could both be lat; say which with columns:"),
        ("name,x,y\na,1\n", "line 2 has 2 cells, the header has 3"),
        ("name,x\na,1\n,2\n", "line 3 has no image name"),
        ("name,x\na,1\nb,2\n./a,3\n", "line 4 repeats 'a' of line 2; list each image once"),
        (b"name,x\n\xff\xfe,1\n", r"is not UTF-8 text \(.*\); save it as UTF-8"),
        ('name,x\n"a,1\n', "line 2: unexpected end of data; is it a CSV file"),
        (b"name,x\na\0,1\n" + b"x" * 200_000, "t.csv: "),
    ],
)
def test_bad_tables_are_named_with_their_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        csv(tmp_path, text)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"x": "nope"}, r"no column 'nope' \(columns.x\); the table has name, x"),
        ({"easting": "x"}, "columns has no key 'easting'; keys are name, x, y"),
    ],
)
def test_bad_mappings(tmp_path, columns, message):
    with pytest.raises(ValueError, match=message):
        csv(tmp_path, "name,x\na,1\n", columns=columns)


def test_a_list_of_names(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("# comment\n./q/1.jpg\n\nq/2.jpg\n")
    assert list(read_list(path).columns["name"]) == ["q/1.jpg", "q/2.jpg"]
    path.write_text("a\nb\na\n")
    with pytest.raises(ValueError, match="line 3 repeats 'a' of line 1"):
        read_list(path)
    path.write_bytes(b"\xff")
    with pytest.raises(ValueError, match="is not UTF-8 text"):
        read_list(path)


def test_geojson_points(tmp_path):
    table = geojson(
        tmp_path, collection(feature(role="query", time=3, x=1), feature("b.jpg", (6.5, -1, 30), role="db", time=4))
    )
    assert dict(table.columns) == {
        "name": ["a.jpg", "b.jpg"],
        "time": ["3", "4"],
        "role": ["query", "db"],
        "lon": ["5.0", "6.5"],
        "lat": ["52.0", "-1.0"],
    }
    assert "feature 1" in table.where(1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "must be a GeoJSON FeatureCollection"),
        ({"type": "FeatureCollection", "features": {}}, "must be a GeoJSON FeatureCollection"),
        (collection(feature(), 7), "feature 1 must have a geometry of type Point, got None"),
        (
            collection({"geometry": {"type": "LineString", "coordinates": []}, "properties": {}}),
            "feature 0 must have a geometry of type Point, got 'LineString'",
        ),
        (
            collection(feature(coordinates=(1.0,))),
            r"feature 0 must have coordinates \[longitude, latitude\], got \[1.0\]",
        ),
        (collection(feature(coordinates=("1", "2"))), "must have coordinates"),
        (
            collection(feature(), feature(coordinates=(10**400, 2))),
            "a coordinate of more than 308 digits",
        ),
        (collection({**feature(), "properties": None}), "feature 0 must have properties with the image's name"),
        (collection(feature(role="db"), feature("b")), "feature 1 must have a text or number as property 'role'"),
        (collection(feature(), feature()), "feature 1 repeats 'a.jpg' of feature 0"),
        (collection(feature(name=[1])), "feature 0 must have a text or number as property 'name'"),
        (collection(), "no column holds image names"),
    ],
)
def test_bad_geojson_is_named_with_its_feature(tmp_path, data, message):
    with pytest.raises(ValueError, match=message):
        geojson(tmp_path, data)


@settings(max_examples=300, deadline=None)
@given(
    content=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")))
)
def test_readers_raise_nothing_but_value_errors(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("fuzz") / "t"
    for start in (b"", b"name,x,y\n", b'{"features": ['):
        path.write_bytes(start + content)
        for reader in (read_csv, read_list, read_geojson):
            with suppress(ValueError):
                reader(path)
