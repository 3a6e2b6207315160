"""Arrays of lists are read; a pickle is never run."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vpr_data.truth.object_arrays import read_array


def objects(*items: Any, shape: tuple[int, ...] | None = None) -> np.ndarray:
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array if shape is None else array.reshape(shape)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) and one.dtype == object:
        return one.shape == other.shape and all(same(a, b) for a, b in zip(one.flat, other.flat, strict=True))
    return bool(np.array_equal(one, other)) if isinstance(one, np.ndarray) else bool(one == other)


ARRAYS = [
    objects(np.array([1, 2]), np.array([], dtype=int), np.array([5], dtype=np.int32)),
    objects([1, 2], [], [7]),
    objects(0, [3, 4], 1, [5], shape=(2, 2)),
    objects("äb", "c", np.int64(4), 2.5, None, True),
    objects(np.array([[1, 2], [3, 4]], order="F"), np.array(["x", "yz"])),
    objects(np.arange(300), [10**6, -1, 10**30]),
    np.arange(6).reshape(3, 2),
    np.array(["a.jpg", "bc.jpg"]),
]


@pytest.mark.parametrize("array", ARRAYS, ids=range(len(ARRAYS)))
@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_what_numpy_writes_is_read(array: np.ndarray, protocol: int, tmp_path: Path) -> None:
    file = tmp_path / "a.npy"
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    content = stream.getvalue()
    if array.dtype == object:
        head = content.index(b"\n") + 1
        content = content[:head] + pickle.dumps(array, protocol=protocol)
    file.write_bytes(content)
    assert same(array, read_array(file))


HEAD = b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (2,), }"
HEAD += b" " * (127 - len(HEAD)) + b"\n"


class Runs:
    """What a stranger might put into a list of right answers."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.fault
@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("function", [os.mkdir, exec, getattr, np.load, np.fromfile, bytearray, open])
def test_nothing_that_a_file_names_is_called(function: Any, protocol: int, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    argument = f"open({str(marker)!r}, 'w')" if function is exec else str(marker)
    array = objects(Runs(function, argument), 1)
    file = tmp_path / "a.npy"
    file.write_bytes(HEAD + pickle.dumps(array, protocol=protocol))
    with pytest.raises(ValueError, match=r"arrays, lists, numbers and text are read, nothing else|which no list"):
        read_array(file)
    assert not marker.exists()


def refusal(file: Path) -> str | None:
    try:
        read_array(file)
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.fault
def test_damaged_files_end_in_a_sentence(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.save(stream, ARRAYS[0], allow_pickle=True)
    content = stream.getvalue()
    generator = np.random.default_rng(0)
    file = tmp_path / "a.npy"
    for _ in range(300):
        changed = bytearray(content)
        for offset in generator.choice(len(content), 3):
            changed[offset] ^= 1 << int(generator.integers(8))
        file.write_bytes(bytes(changed[: int(generator.integers(1, len(content) + 1))]))
        said = refusal(file)
        assert said is None or str(file) in said


@pytest.mark.shared
def test_a_list_of_python_2(shared_data: Path) -> None:
    found = read_array(shared_data / "corridor" / "ground_truth_new.npy")
    assert found.shape == (111, 2)
    assert found[0, 0] == 0
    assert isinstance(found[5, 1], list)
