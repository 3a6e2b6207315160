"""The reader of MATLAB files: what scipy writes is read, and damage ends in a sentence."""

from __future__ import annotations

import contextlib
import random
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest

from vpr_backbones import read_retriever
from vpr_backbones.importers.mat5 import Unread, read_variable

io = pytest.importorskip("scipy.io")  # writes the files; nothing here reads by it


def cell(*values: object) -> np.ndarray:
    array = np.empty((1, len(values)), dtype=object)
    for index, value in enumerate(values):
        array[0, index] = value
    return array


NET = {
    "layers": cell(
        {"type": "conv", "name": "conv1", "weights": cell(np.ones((3, 3, 3, 4), np.float32), np.zeros((1, 4)))},
        {"type": "custom", "name": "vlad:core", "weights": cell(np.ones((4, 2)), np.ones((4, 2)))},
    ),
    "meta": {"normalization": {"averageImage": np.array([123.0, 117.0, 104.0]).reshape(1, 1, 3)}},
}


@pytest.fixture(params=[False, True], ids=["plain", "compressed"])
def network(request, tmp_path: Path) -> Path:
    io.savemat(tmp_path / "net.mat", {"first": np.arange(3), "net": NET}, do_compression=request.param)
    return tmp_path / "net.mat"


@pytest.mark.parametrize("compressed", [False, True])
def test_values_of_every_kind(tmp_path: Path, compressed: bool) -> None:
    values = {
        "numbers": {
            name: (np.arange(24).reshape(2, 3, 4) - (3 if np.dtype(name).kind != "u" else 0)).astype(name)
            for name in ("f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")
        },
        "text": "pre L2",
        "cells": cell("a", np.eye(2), cell(np.zeros((0, 3)))),
        "one": {"inner": {"deep": 1.5}},
        "many": np.array([(1, "x"), (2, "y")], dtype=[("n", object), ("s", object)]),
        "complex": np.array([1 + 2j]),
        "yes": np.array([True, False]),
    }
    io.savemat(tmp_path / "x.mat", {"x": values, "after": 1}, do_compression=compressed)
    found = read_variable(tmp_path / "x.mat", "x")
    for name, array in values["numbers"].items():
        np.testing.assert_array_equal(found["numbers"][name], array)
        assert found["numbers"][name].dtype == np.dtype(name)
    assert found["text"] == "pre L2"
    assert found["cells"][0] == "a"
    np.testing.assert_array_equal(found["cells"][1], np.eye(2))
    assert found["one"]["inner"]["deep"] == 1.5
    assert [item["s"] for item in found["many"]] == ["x", "y"]
    assert isinstance(found["complex"], Unread)
    np.testing.assert_array_equal(found["yes"].squeeze(), [1, 0])
    assert read_variable(tmp_path / "x.mat", "after").item() == 1


def test_a_missing_variable_is_told_with_those_that_are_there(network: Path) -> None:
    with pytest.raises(ValueError, match=r"net\.mat must hold the variable gone, it has: first, net\."):
        read_variable(network, "gone")


def test_two_hundred_changed_bytes_end_in_a_sentence(network: Path) -> None:
    """Each alone, and the file cut at fifty places; the trunk is no known network, so that is said at the latest."""
    whole = network.read_bytes()
    draw = random.Random(7)
    flips = [(draw.randrange(len(whole)), 1 << draw.randrange(8)) for _ in range(200)]
    damaged = [bytes(byte ^ bit * (at == here) for here, byte in enumerate(whole)) for at, bit in flips]
    damaged += [whole[:size] for size in range(0, len(whole), max(1, len(whole) // 50))]
    said = set()
    for content in damaged:
        network.write_bytes(content)
        with pytest.raises(ValueError, match=r"^weights: .*") as caught:
            read_retriever(network)
        assert "\n" not in str(caught.value)
        said.add(str(caught.value)[:60])
    assert len(said) >= 2
    tracemalloc.start()
    for content in damaged[::10]:
        network.write_bytes(content)
        with contextlib.suppress(ValueError):
            read_variable(network, "net")
    assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    tracemalloc.stop()


def element(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def matrix(klass: int, shape: tuple[int, ...], content: bytes, name: bytes = b"net") -> bytes:
    flags = element(6, struct.pack("<II", klass, 0))
    return element(14, flags + element(5, struct.pack(f"<{len(shape)}i", *shape)) + element(1, name) + content)


HEAD = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            matrix(6, (1 << 20, 1 << 20), element(9, bytes(8))),
            "1099511627776 numbers are announced and 8 bytes are there",
        ),
        (matrix(1, (1, 1 << 30), b""), "cells or fields are announced in 0 bytes"),
        (matrix(6, (-1, 2), element(9, bytes(8))), r"has the shape \(-1, 2\)"),
        (struct.pack("<II", 14, 1 << 31), "bytes is announced where 0 are left"),
        (struct.pack("<II", 99, 0), "is no matrix but of data type 99"),
        (element(15, b"not compressed"), "compressed data is"),
        (element(15, zlib.compress(bytes(70 * 2**20))), "unfolds to more than 64 MiB"),
        (element(15, zlib.compress(matrix(6, (1, 1), element(9, bytes(8))))[:-6]), "in the middle of compressed data"),
        (matrix(1, (1, 1), element(6, bytes(8))), "a cell or field is no matrix"),
        (matrix(4, (1, 1), element(9, bytes(8))), "text is of data type 9"),
        (matrix(2, (1, 1), element(5, bytes(4)) + element(1, b"")), "names of a struct's fields"),
    ],
)
def test_lengths_are_not_believed(tmp_path: Path, body: bytes, said: str) -> None:
    (tmp_path / "x.mat").write_bytes(HEAD + body)
    with pytest.raises(ValueError, match=rf"x\.mat cannot be read as a MATLAB file \(.*{said}.*\); fetch it again"):
        read_variable(tmp_path / "x.mat", "net")


def test_depth_is_bounded(tmp_path: Path) -> None:
    inner = matrix(6, (1, 1), element(9, bytes(8)), name=b"")
    for _ in range(200):
        inner = matrix(1, (1, 1), inner, name=b"net")
    (tmp_path / "x.mat").write_bytes(HEAD + inner)
    with pytest.raises(ValueError, match="nested more than 32 deep"):
        read_variable(tmp_path / "x.mat", "net")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"layers": "text"}, "is no NetVLAD network"),
        ({"layers": cell(1.0, "x", np.zeros((0, 0)))}, "is no NetVLAD network"),
        (
            {"layers": cell({**NET["layers"][0, 0], "weights": cell("a", "b")}, NET["layers"][0, 1])},
            "an array of numbers",
        ),
        (
            {"layers": cell({**NET["layers"][0, 0], "weights": cell(np.full((3, 3, 3, 4), np.nan), np.zeros((1, 4)))})},
            "holds NaN or infinity",
        ),
        ({"layers": cell({**NET["layers"][0, 0], "weights": np.ones(3)})}, "must have filters and biases, got 1"),
    ],
)
def test_what_is_no_network_is_said_in_a_sentence(tmp_path: Path, change: dict, said: str) -> None:
    io.savemat(tmp_path / "x.mat", {"net": {**NET, **change}})
    with pytest.raises(ValueError, match=rf"^weights: .*{said}"):
        read_retriever(tmp_path / "x.mat")
