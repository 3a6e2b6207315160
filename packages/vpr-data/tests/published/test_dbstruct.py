from __future__ import annotations

import zlib
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from vpr_data import read_dbstruct
from vpr_data.published import mat5


def cells(names):
    array = np.empty((len(names), 1), dtype=object)
    array[:, 0] = names
    return array


def fields(*, stamped=False, **changes):
    """The fields of an official file, in the order in which it has them."""
    database, queries = [f"000/d{i}.jpg" for i in range(5)], [f"000/q{i}.jpg" for i in range(3)]
    entries = {
        "whichSet": "val",
        "dbImageFns": cells(database),
        "utmDb": np.array([[0.0, 5, 30, 40, 500], [0, 0, 0, 0, 7]]),
        **({"dbTimeStamp": np.array([[736000.25, 736000.5, 736001, 736001, 736002]])} if stamped else {}),
        "qImageFns": cells(queries),
        "utmQ": np.array([[0.5, 31, 900], [0, 0, 0]]),
        **({"qTimeStamp": np.array([[736000.5, 736001, 7]])} if stamped else {}),
        "numImages": np.uint16(5),
        "numQueries": np.uint16(3),
        "posDistThr": np.uint8(25),
        "posDistSqThr": np.uint16(625),
        "nonTrivPosDistSqThr": np.uint8(100),
    }
    entries.update(changes)
    return {name: value for name, value in entries.items() if value is not None}


@pytest.fixture
def write(tmp_path):
    def written(entries, *, name="x.mat", compressed=True, variable="dbStruct"):
        path = tmp_path / name
        savemat(path, {variable: entries}, do_compression=compressed)
        return path

    return written


@pytest.mark.parametrize("compressed", [True, False])
def test_a_file_without_time_stamps(write, compressed):
    found = read_dbstruct(write(fields(), compressed=compressed))
    assert found.which_set == "val"
    assert found.database_names == tuple(f"000/d{i}.jpg" for i in range(5))
    assert found.database_xy.tolist() == [[0, 0], [5, 0], [30, 0], [40, 0], [500, 7]]
    assert found.query_names[2] == "000/q2.jpg"
    assert found.query_xy.tolist() == [[0.5, 0], [31, 0], [900, 0]]
    assert (found.radius, found.training_radius) == (25.0, 10.0)
    assert found.database_time is None
    assert found.query_time is None


def test_time_stamps_shift_the_fields_and_become_equal_numbers(write):
    entries = fields(stamped=True)
    assert list(entries)[3] == "dbTimeStamp"
    found = read_dbstruct(write(entries))
    assert found.database_time.tolist() == [1, 2, 3, 3, 4]
    assert found.query_time.tolist() == [2, 3, 0]
    assert found.query_xy[1].tolist() == [31, 0]


def test_time_stamps_may_be_text(write):
    found = read_dbstruct(
        write(fields(dbTimeStamp=cells(["201101"] * 4 + ["201305"]), qTimeStamp=cells(["201305", "200901", "201101"])))
    )
    assert found.database_time.tolist() == [1, 1, 1, 1, 2]
    assert found.query_time.tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"utmQ": None}, "dbStruct has no field 'utmQ', only whichSet, dbImageFns"),
        ({"utmDb": np.zeros((2, 4))}, r"utmDb must be numbers of shape \(2, 5\), got float64 \(2, 4\)"),
        ({"utmDb": cells(["x"] * 5)}, "utmDb must be numbers of shape"),
        ({"dbImageFns": np.zeros((5, 1))}, "dbImageFns must be a cell array of file names, got float64"),
        ({"qImageFns": cells(["a", np.zeros(3), "b"])}, r"qImageFns\{2\} is not a file name"),
        ({"qImageFns": cells(["a", "", "b"])}, r"qImageFns\{2\} is not a file name"),
        ({"numImages": np.uint16(6)}, "numImages is 6, but 5 names are listed; the file is damaged"),
        ({"posDistThr": np.nan}, "posDistThr must be one number, at least 0"),
        ({"posDistThr": np.array([1.0, 2.0])}, "posDistThr must be one number"),
        ({"nonTrivPosDistSqThr": "x"}, "nonTrivPosDistSqThr must be one number"),
        ({"dbTimeStamp": np.zeros((1, 4)), "qTimeStamp": np.zeros((1, 3))}, "dbTimeStamp has 4 entries for 5 images"),
        ({"dbTimeStamp": np.zeros((1, 5))}, "dbStruct has no field 'qTimeStamp'"),
        ({"dbTimeStamp": np.zeros((1, 5)), "qTimeStamp": cells(["a"] * 3)}, "must both be numbers or both be text"),
    ],
)
def test_wrong_fields_are_named(write, changes, message):
    with pytest.raises(ValueError, match=message):
        read_dbstruct(write(fields(**changes)))


def test_files_that_are_something_else(tmp_path, write):
    path = tmp_path / "y.mat"
    with pytest.raises(FileNotFoundError, match=r"y.mat: there is no such file"):
        read_dbstruct(path)
    for content in (b"", b"<html>", b"x" * 1000):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"y.mat: is not a MATLAB 5 file; fetch the official files"):
            read_dbstruct(path)
    path.write_bytes(b"MATLAB 7.3 MAT-file, Platform" + b" " * 200)
    with pytest.raises(ValueError, match=r"is a MATLAB 7.3 \(HDF5\) file; save it again with save\(..., '-v7'\)"):
        read_dbstruct(path)
    with pytest.raises(ValueError, match="holds no variable 'dbStruct'"):
        read_dbstruct(write(fields(), variable="other"))
    with pytest.raises(ValueError, match="dbStruct must be one MATLAB struct"):
        read_dbstruct(write(np.zeros((2, 2))))


@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_a_truncated_file(write, share):
    path = write(fields())
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ValueError, match=r"x.mat: "):
        read_dbstruct(path)


def test_a_decompression_bomb_is_not_unfolded(write, monkeypatch):
    path = write(fields())
    monkeypatch.setattr(mat5, "MAX_BYTES", 1 << 20)
    bomb = zlib.compress(b"\0" * (200 << 20), 9)
    head = path.read_bytes()[:128]
    with path.open("wb") as file:
        file.write(head)
        file.write((15).to_bytes(4, "little") + len(bomb).to_bytes(4, "little") + bomb)
    with pytest.raises(ValueError, match="decompresses to more than 1 MiB; it is not a file of this kind"):
        read_dbstruct(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), stamped=st.booleans())
def test_damaged_bytes_raise_nothing_but_value_errors(write, data, stamped):
    path = write(fields(stamped=stamped), compressed=False)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with suppress(ValueError):
        found = read_dbstruct(path)
        assert len(found.database_names) == len(found.database_xy)
