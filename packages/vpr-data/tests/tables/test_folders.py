from __future__ import annotations

import numpy as np
import pytest

from vpr_data import FolderDataset, ImageSet, PlaceSplit, TrainingRadii, coordinates, training_radii
from vpr_data.places.checks import position_warnings

TABLE = """name,x,y,role,split,time,place
db/1.jpg,0,0,database,train,1,a
db/2.jpg,20,0,Gallery,train,2,a
q/1.jpg,8,0,query,train,1,a
db/3.jpg,500,0,db,Test,1,b
q/2.jpg,510,0,query,test,2,b
"""


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


def test_one_table_with_roles_and_splits(tmp_path, write):
    write("t.csv", TABLE)
    data = FolderDataset(root=tmp_path, table="t.csv", name="toy")
    assert data.split_names == ("train", "test")
    train = data.split("train")
    assert train.database.names == ("db/1.jpg", "db/2.jpg")
    assert train.queries.path(0) == tmp_path / "q/1.jpg"
    assert [row.tolist() for row in train.positives()] == [[0, 1]]
    assert [row.tolist() for row in train.within(25, different_time=True)] == [[1]]
    assert str(train.protocol) == "toy-train@25m"
    assert data.split("test").database.place.tolist() == data.split("test").queries.place.tolist() == [1]
    with pytest.raises(ValueError, match=r"name must be one of train, test, the splits of .*, got 'val'"):
        data.split("val")


def test_without_roles_every_image_asks_all_others(tmp_path, write):
    write("t.csv", "name,x,y\na,0,0\nb,3,0\nc,400,0\n")
    split = FolderDataset(root=tmp_path, table="t.csv").split("test")
    assert split.queries is split.database
    assert str(split.protocol) == f"{tmp_path.name}@25m-notself"
    assert [row.tolist() for row in split.positives()] == [[1], [0], []]


def test_a_split_column_that_holds_roles(tmp_path, write):
    write("t.csv", "name,x,y,split\na,0,0,database\nb,3,0,query\n")
    data = FolderDataset(root=tmp_path, table="t.csv")
    assert data.split_names == ("test",)
    assert data.split("test").queries.names == ("b",)


def test_two_tables_and_a_list_with_an_npz(tmp_path, write):
    write("d.csv", "name,easting,northing\na,0,0\nb,30,0\n")
    write("q.csv", "name,easting,northing\nc,6,0\n")
    split = FolderDataset(root=tmp_path, database="d.csv", queries="q.csv").split("test")
    assert [row.tolist() for row in split.positives()] == [[0, 1]]
    write("d.txt", "a\nb\n")
    write("q.txt", "c\n")
    np.savez(tmp_path / "p.npz", utmDb=np.array([[0, 0], [1, 1]]), utmQ=np.array([[1, 1]]), posDistThr=10)
    frames = FolderDataset(root=tmp_path, database="d.txt", queries="q.txt", npz="p.npz", unit="frame", radius=0)
    assert [row.tolist() for row in frames.split("test").positives()] == [[1]]


def test_folders_with_names_frames_places_and_exif(tmp_path, photo, tagged):
    photo("m/database/@100@200@.png")
    photo("m/queries/@110@200@.png")
    assert [row.tolist() for row in FolderDataset(root=tmp_path / "m").split("test").positives()] == [[0]]
    for number in (1, 2, 9):
        photo(f"f/database/{number:04}.png")
    photo("f/queries/x_0003.png")
    frames = FolderDataset(root=tmp_path / "f", unit="frame", radius=1).split("test")
    assert [row.tolist() for row in frames.positives()] == [[1]]
    assert frames.training == TrainingRadii(positive=1, negative=2)
    photo("p/db/tower/1.png")
    photo("p/db/bridge/1.png")
    photo("p/q/tower/9.png")
    places = FolderDataset(root=tmp_path / "p", database="db", queries="q", unit="place").split("test")
    assert [[places.database.names[i] for i in row] for row in places.positives()] == [["db/tower/1.png"]]
    tagged("e/database/1.jpg", north=10, east=179.99995)
    tagged("e/queries/1.jpg", north=10, east=-179.99995)
    assert [row.tolist() for row in FolderDataset(root=tmp_path / "e").split("test").positives()] == [[0]]


def test_folders_of_several_splits(tmp_path, photo):
    for split in ("train", "val"):
        photo(f"images/{split}/database/@1@2@.png")
        photo(f"images/{split}/queries/@1@2@.png")
    data = FolderDataset(root=tmp_path)
    assert data.split_names == ("train", "val")
    assert data.split("val").database.path(0).is_file()
    assert data.split("val").database.names == ("images/val/database/@1@2@.png",)


def test_latitude_and_longitude_across_a_zone_edge(tmp_path, write):
    write("t.csv", "name,lat,lon,role\na,48,5.9999,db\nb,48,6.0001,query\nc,48,6.001,db\n")
    split = FolderDataset(root=tmp_path, table="t.csv").split("test")
    assert [row.tolist() for row in split.positives()] == [[0]]
    assert split.database.points.shape == (2, 3)
    assert abs(np.hypot(*(split.database.xy[0] - split.queries.xy[0])) - 14.9) < 0.1


def test_utm_of_one_zone_is_taken_as_it_stands_of_two_it_is_understood(tmp_path, write):
    utm = pytest.importorskip("utm")
    rows = [("a", 48.0, 5.9999, "db"), ("b", 48.0, 6.0001, "query")]
    text = "name,x,y,zone,role\n"
    for name, lat, lon, role in rows:
        x, y, number, letter = utm.from_latlon(lat, lon)
        text += f"{name},{x},{y},{number}{letter},{role}\n"
    write("t.csv", text)
    split = FolderDataset(root=tmp_path, table="t.csv").split("test")
    assert split.database.points is not None
    assert [row.tolist() for row in split.positives()] == [[0]]
    write("t.csv", text.replace("32U", "31U"))
    assert FolderDataset(root=tmp_path, table="t.csv").split("test").database.points is None
    write("t.csv", text.replace("32U", "32?"))
    with pytest.raises(ValueError, match=r"zone of 'b' .* is '32\?'; where a set spans several UTM zones"):
        FolderDataset(root=tmp_path, table="t.csv")


@pytest.mark.parametrize(
    ("times", "difference"),
    [
        (("5", "9"), 4),
        (("2020-01-01", "2020-01-02T00:00:00Z"), 86400),
        (("2020:01:01 00:00:00", "2020-01-01T00:01"), 60),
    ],
)
def test_times_are_numbers_or_dates(tmp_path, write, times, difference):
    write("t.csv", f"name,x,y,time\na,0,0,{times[0]}\nb,0,0,{times[1]}\n")
    found = FolderDataset(root=tmp_path, table="t.csv").split("test").database.time
    assert found[1] - found[0] == difference


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,x,y\na,1,nan\n", r"y of 'a' \(.*t.csv, line 2\) is nan; correct the row or leave the image out"),
        ("name,x,y\na,1,2\nb,1,\n", r"y of 'b' \(.*, line 3\) is '', not a number"),
        ("name;x;y\na;1,5;2\nb;1.5;2\n", "x of 'a' .* is '1,5', not a number"),
        ("name,lat,lon\na,91,2\n", "latitude of 'a' .* is 91, out of range"),
        ("name,lat,lon\na,139.7,35.6\n", "latitude and longitude look swapped"),
        ("name,lat,lon\na,12,inf\n", r"lon of 'a' .* is inf"),
        ("name,x,y\n../a,1,2\n", r"name of '../a' .* leaves the root .*; write it relative to the root, without '..'"),
        ("name,x,y\n/etc/passwd,1,2\n", "name of '/etc/passwd' .* leaves the root"),
        (
            "name,x,y,role\na,1,2,both\n",
            r"role of 'a' .* is 'both'; write 'database' or 'db' or 'gallery' for the database",
        ),
        ("name,x,y,role\na,1,2,db\n", "split 'test' has no queries; every split needs both"),
        ("name,x,y,role,split\na,1,2,db,train\nb,1,2,query,val\n", "split 'train' has no queries"),
        ("name,x,y,time\na,1,2,5\nb,1,2,2020-01-01\n", "time of 'a' .* is the number 5, other rows hold dates"),
        ("name,x,y,time\na,1,2,noon\n", "time of 'a' .* is 'noon'; write a whole number or ISO 8601"),
        ("name,x,y,time\na,1,2,2020-13-01\n", "time of 'a' .* is '2020-13-01'"),
        ("name,x,y\n", "t.csv: lists no images"),
    ],
)
def test_a_bad_row_is_named(tmp_path, write, text, message):
    write("t.csv", text)
    with pytest.raises(ValueError, match=message):
        FolderDataset(root=tmp_path, table="t.csv")


def test_tables_of_different_kinds_of_position(tmp_path, write):
    write("d.csv", "name,x,y\na,1,2\n")
    write("q.csv", "name,lat,lon\nb,1,2\n")
    with pytest.raises(ValueError, match=r"no positions: columns 'x' and 'y' .* in every table .*d.csv has name, x, y"):
        FolderDataset(root=tmp_path, database="d.csv", queries="q.csv")
    write("q.csv", "name,x,y,split\nb,1,2,val\n")
    with pytest.raises(ValueError, match=r"d.csv has no column 'split', .*q.csv has one; both or neither must"):
        FolderDataset(root=tmp_path, database="d.csv", queries="q.csv")


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        (
            {"table": "none.csv"},
            FileNotFoundError,
            "none.csv: there is no such file or folder .relative paths count from",
        ),
        ({"table": "t.xlsx"}, ValueError, "t.xlsx: is not understood; give a folder, or a file .csv"),
        ({"database": "db"}, ValueError, "queries must be given too: database and queries belong together"),
        ({"table": "t.csv", "database": "a", "queries": "b"}, ValueError, "table must not be given together with"),
        ({}, FileNotFoundError, "no table is given, and there is neither a pair of folders 'database' and 'queries'"),
        ({"root": "/none"}, FileNotFoundError, "root /none: there is no such folder"),
        ({"table": "t.csv", "npz": "p.npz"}, ValueError, "npz needs one split with a database and queries of its own"),
        ({"table": "t.csv", "columns": {"x": "nope"}}, ValueError, "no column 'nope'"),
        ({"table": "t.csv", "radius": -1.0}, ValueError, "must be finite and at least 0, got -1"),
        (
            {"table": "t.csv", "unit": "frame"},
            ValueError,
            "name of 'a' .* has no number to be its frame; number the files, or give a column 'frame'",
        ),
    ],
)
def test_bad_arguments(tmp_path, write, fields, error, message):
    write("t.csv", "name,x,y\na,1,2\n") if fields.get("unit") != "frame" else write("t.csv", "name,y\na,1\n")
    write("t.xlsx", "")
    with pytest.raises(error, match=message):
        FolderDataset(**{"root": tmp_path, **fields})


def test_bad_npz_files(tmp_path, write):
    write("d.txt", "a\nb\n")
    write("q.txt", "c\n")

    def load():
        FolderDataset(root=tmp_path, database="d.txt", queries="q.txt", npz="p.npz")

    with pytest.raises(FileNotFoundError, match=r"npz .*p.npz: there is no such file"):
        load()
    np.savez(tmp_path / "p.npz", utmDb=np.zeros((3, 2)), utmQ=np.zeros((1, 2)))
    with pytest.raises(ValueError, match=r"utmDb is float64 \(3, 2\); .*d.txt lists 2 images, so \(2, 2\) numbers"):
        load()
    np.savez(tmp_path / "p.npz", utmDb=np.zeros((2, 2)))
    with pytest.raises(ValueError, match="must hold arrays of numbers 'utmDb' and 'utmQ'"):
        load()
    np.savez(tmp_path / "p.npz", utmDb=np.array([[{}, {}]] * 2), utmQ=np.zeros((1, 2)))
    with pytest.raises(ValueError, match="must hold arrays of numbers"):
        load()
    write("p.npz", "PK nonsense")
    with pytest.raises(ValueError, match="must hold arrays of numbers"):
        load()


def test_the_fingerprint_notices_names_positions_sizes_and_rules(tmp_path, write):
    def fingerprint(text=TABLE, **fields):
        write("t.csv", text)
        return FolderDataset(root=tmp_path, table="t.csv", **{"name": "toy", **fields}).fingerprint()

    first = fingerprint()
    assert fingerprint() == first
    different = [
        fingerprint(TABLE.replace("db/2", "db/9")),
        fingerprint(TABLE.replace("20,0", "21,0")),
        fingerprint(TABLE.replace("train,2,a", "train,3,a")),
        fingerprint(radius=20),
        fingerprint(training=TrainingRadii(beyond=1)),
    ]
    write("db/1.jpg", "xx")
    different.append(fingerprint())
    write("db/1.jpg", "xxx")
    different.append(fingerprint())
    assert len({first, *different}) == 8


def test_training_radii_fill_in_what_is_not_given():
    assert training_radii() == TrainingRadii(positive=10, negative=25)
    assert training_radii(radius=5.0) == TrainingRadii(positive=5, negative=25)
    assert training_radii(radius=50.0) == TrainingRadii(positive=10, negative=50)
    assert training_radii(positive=40.0) == TrainingRadii(positive=40, negative=40)
    assert training_radii(unit="frame") == TrainingRadii(positive=10, negative=20)
    assert training_radii(unit="place") == TrainingRadii(positive=0, negative=0)
    assert training_radii(beyond=1.0, different_time=True, negatives_exclude_same_place=True) == TrainingRadii(
        beyond=1, different_time=True, negatives_exclude_same_place=True
    )


def test_degrees_come_back_digit_by_digit(tmp_path, write):
    write("t.csv", "name,lat,lon,role\na,-33.8567844,151.2152967,db\nb,-33.8567845,151.2152968,query\n")
    split = FolderDataset(root=tmp_path, table="t.csv").split("test")
    assert coordinates(split.database).tolist() == [[-33.8567844, 151.2152967]]
    assert coordinates(split.queries).tolist() == [[-33.8567845, 151.2152968]]
    back = split.database.frame.to_degrees(split.database.xy)  # what a map that keeps metres alone can say
    assert back.round(7).tolist() == [[-33.8567844, 151.2152967]]


@pytest.mark.parametrize(
    ("zone", "expected"),
    [("56H", (-33.8567844, 151.2152967)), ("56S", (-33.8567844, 151.2152967)), ("56 south", (-33.8567844, 151.2152967)),
     ("EPSG:32756", (-33.8567844, 151.2152967)), ("56", None), ("56 J", "cannot both be true")],
)  # fmt: skip
def test_the_frame_of_metres_in_one_zone(tmp_path, write, zone, expected):
    write("t.csv", f"name,x,y,zone\na,334900.5678,6252288.1321,{zone}\nb,334901.5,6252288.1,{zone}\n")
    split = FolderDataset(root=tmp_path, table="t.csv").split("test")
    found = coordinates(split.database)
    if isinstance(expected, tuple):
        assert np.abs(found[0] - expected).max() < 1e-3
        assert split.database.xy[0].tolist() == [334900.5678, 6252288.1321]
        assert split.notes == ()
    else:
        assert found is None
        assert len(split.notes) == (expected is not None)
        assert not expected or expected in split.notes[0]


def test_metres_and_degrees_that_contradict_each_other(tmp_path, write):
    """CN Tower: its zone, its neighbour's (300 km off), and degrees that are rounded to a kilometre."""
    row = "a,630084,4833438,{},{},-79.3871\n"
    write("t.csv", "name,x,y,zone,lat,lon\n" + row.format("17T", 43.6426))
    split = FolderDataset(root=tmp_path, table="t.csv").split("test")
    assert coordinates(split.database).tolist() == [[43.6426, -79.3871]]
    assert np.abs(split.database.frame.to_degrees(split.database.xy) - [43.6426, -79.3871]).max() < 1e-4
    write("t.csv", "name,x,y,zone,lat,lon\n" + row.format("17T", 43.65))
    assert FolderDataset(root=tmp_path, table="t.csv").split("test").notes == ()
    for zone, latitude in (("18T", 43.6426), ("17T", -43.6426)):
        write("t.csv", "name,x,y,zone,lat,lon\n" + row.format(zone, latitude))
        with pytest.raises(ValueError, match=r"position of 'a' .* km away; one of the two is wrong .1 of 1 rows"):
            FolderDataset(root=tmp_path, table="t.csv")


def test_rows_without_a_position_are_left_out_counted_and_said(tmp_path, write):
    write("t.csv", "name,lat,lon,role\na,10,20,db\nb,,,db\nc,10,20,query\nd,10.00001,20,db\n")
    split = FolderDataset(root=tmp_path, table="t.csv").split("test")
    assert split.database.names == ("a", "d")
    assert split.notes == ("3 of 4 images have a position; left out: b",)
    assert position_warnings(split) == list(split.notes)
    write("t.csv", "name,x,y,zone,role\na,500000,0,31N,db\nb,,,,db\nc,500001,0,31N,query\nd,500000,10,32N,db\n")
    split = FolderDataset(root=tmp_path, table="t.csv").split("test")
    assert split.database.names == ("a", "d")
    write("t.csv", "name,lat,lon,role\na,,,db\nc,10,20,query\n")
    with pytest.raises(ValueError, match=r"no image has a position|has no database images"):
        FolderDataset(root=tmp_path, table="t.csv")
    with pytest.raises(ValueError, match="database has 1 images without a position"):
        PlaceSplit(
            name="x",
            database=ImageSet(root=tmp_path, names=["a"], xy=[[np.nan, np.nan]], located=np.array([False])),
            queries=split.queries,
            protocol=split.protocol,
        )
