"""A reader of MATLAB 5 files that never believes one: structs, cells, text and real numbers, every length checked.

`scipy.io.loadmat` ends the whole process with a segmentation fault on some damaged files, and unfolds compressed ones
without limit. Files that come from elsewhere are therefore read here, in Python, by the published format ("MAT-File
Level 5", MathWorks), as far as dbStruct files use it.
"""

from __future__ import annotations

import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["MAX_BYTES", "read_mat5"]

MAX_BYTES = 512 * 2**20
"""Largest size after decompression. The official files have tens of MiB; a hostile one of a MiB can unfold to a GiB."""
MAX_DEPTH = 16
MATRIX, COMPRESSED = 14, 15
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""Data types of elements."""
TEXTS = {2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
CELL, STRUCT, CHAR = 1, 2, 4
CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
"""Classes of numeric arrays."""


def read_mat5(path: Path, variable: str) -> Any:
    """Return one variable: a dict for a struct, an object array for cells, a str for text, an array for numbers.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: not a MATLAB 5 file, damaged, larger than `MAX_BYTES`, or without that variable; names the file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file")
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path}: has more than {MAX_BYTES >> 20} MiB; it is not a file of this kind")
    content = path.read_bytes()
    if content.startswith((b"MATLAB 7.3", b"\x89HDF")):
        raise ValueError(f"{path}: is a MATLAB 7.3 (HDF5) file; save it again with save(..., '-v7')")
    if len(content) < 128 or not content.startswith(b"MATLAB 5.0") or content[126:128] not in (b"IM", b"MI"):
        raise ValueError(f"{path}: is not a MATLAB 5 file; fetch the official files again")
    order = "<" if content[126:128] == b"IM" else ">"
    try:
        return _find(memoryview(content)[128:], order, variable)
    except _MatError as error:
        raise ValueError(f"{path}: {error}") from error


class _MatError(Exception):
    """What is wrong with a file."""


def _find(data: memoryview, order: str, variable: str) -> Any:
    left = MAX_BYTES
    while len(data):
        kind, body, data = _element(data, order, padded=False)
        if kind == COMPRESSED:
            plain = _inflate(body, left)
            left -= len(plain)
            kind, body, _ = _element(memoryview(plain), order, padded=True)
        if kind != MATRIX:
            raise _MatError("is damaged: a variable is no matrix")
        name, value = _matrix(body, order, wanted=variable, depth=0)
        if name == variable:
            return value
    raise _MatError(f"holds no variable {variable!r}")


def _inflate(body: memoryview, limit: int) -> bytes:
    inflater = zlib.decompressobj()
    try:
        plain = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise _MatError(f"is damaged: {error}") from error
    if len(plain) > limit:
        raise _MatError(f"decompresses to more than {MAX_BYTES >> 20} MiB; it is not a file of this kind")
    if not inflater.eof:
        raise _MatError("is damaged: it ends in the middle of compressed data")
    return plain


def _element(data: memoryview, order: str, *, padded: bool) -> tuple[int, memoryview, memoryview]:
    """Return data type and bytes of the next element, and what follows it."""
    if len(data) < 8:
        raise _MatError("is damaged: it ends in the middle of an element")
    endian: Any = "little" if order == "<" else "big"
    word = int.from_bytes(data[:4], endian)
    if word >> 16:  # small format: type, size and up to four bytes of data in eight
        size, start, end = word >> 16, 4, 8
        if size > 4:
            raise _MatError("is damaged: a small element has more than four bytes")
        word &= 0xFFFF
    else:
        size, start = int.from_bytes(data[4:8], endian), 8
        end = start + (size + 7) // 8 * 8 if padded else start + size
    if start + size > len(data):
        raise _MatError("is damaged: an element is longer than the file")
    return word, data[start : start + size], data[end:]


def _matrix(body: memoryview, order: str, *, wanted: str | None, depth: int) -> tuple[str, Any]:
    """Return name and value of a matrix; the value of a variable other than ``wanted`` is passed over."""
    if depth > MAX_DEPTH:
        raise _MatError("is damaged: cells and structs are nested too deeply")
    if not len(body):
        return "", np.zeros((0, 0))
    flags_kind, flags, body = _element(body, order, padded=True)
    shape_kind, shape_bytes, body = _element(body, order, padded=True)
    if flags_kind != 6 or len(flags) != 8 or shape_kind != 5:
        raise _MatError("is damaged, or holds a class of data that dbStruct files do not use")
    _, name_bytes, body = _element(body, order, padded=True)
    name = bytes(name_bytes).decode("latin-1")
    if wanted is not None and name != wanted:
        return name, None
    word = int(np.frombuffer(flags, dtype=order + "u4")[0])
    kind, is_complex = word & 0xFF, bool(word & 0x0800)
    if len(shape_bytes) % 4:
        raise _MatError("is damaged: a shape is cut off")
    shape = tuple(int(side) for side in np.frombuffer(shape_bytes, dtype=order + "i4"))
    if len(shape) < 2 or min(shape) < 0:
        raise _MatError(f"is damaged: an array has the shape {shape}")
    count = math.prod(shape)
    if kind == CELL:
        return name, _cells(body, order, shape, count, depth)
    if kind == STRUCT:
        return name, _struct(body, order, count, depth)
    if kind == CHAR:
        return name, _text(body, order, count)
    if kind not in CLASSES or is_complex:
        raise _MatError(f"holds data of class {kind}{' (complex)' if is_complex else ''}, which is not read here")
    return name, _numbers(body, order, shape, count, CLASSES[kind])


def _children(body: memoryview, order: str, count: int, depth: int) -> list[Any]:
    if count * 8 > len(body):
        raise _MatError(f"is damaged: {count} cells or fields are announced in {len(body)} bytes")
    values = []
    for _ in range(count):
        kind, inner, body = _element(body, order, padded=True)
        if kind != MATRIX:
            raise _MatError("is damaged: a cell or field is no matrix")
        values.append(_matrix(inner, order, wanted=None, depth=depth + 1)[1])
    return values


def _cells(body: memoryview, order: str, shape: tuple[int, ...], count: int, depth: int) -> npt.NDArray[Any]:
    values = _children(body, order, count, depth)
    array = np.empty(count, dtype=object)
    for position, value in enumerate(values):
        array[position] = value
    return array.reshape(shape, order="F")


def _struct(body: memoryview, order: str, count: int, depth: int) -> dict[str, Any]:
    if count != 1:
        raise _MatError(f"holds an array of {count} structs where one is expected")
    _, length_bytes, body = _element(body, order, padded=True)
    _, names_bytes, body = _element(body, order, padded=True)
    length = int.from_bytes(length_bytes, "little" if order == "<" else "big")
    if not 1 <= length <= 1024 or len(names_bytes) % length:
        raise _MatError("is damaged: the names of the fields are cut off")
    raw = bytes(names_bytes)
    names = [raw[start : start + length].split(b"\0")[0].decode("latin-1") for start in range(0, len(raw), length)]
    return dict(zip(names, _children(body, order, len(names), depth), strict=True))


def _text(body: memoryview, order: str, count: int) -> str:
    kind, data, _ = _element(body, order, padded=True)
    if kind not in TEXTS:
        raise _MatError(f"is damaged: text of data type {kind}")
    encoding = TEXTS[kind]
    if encoding in ("utf-16", "utf-32"):
        encoding += "-le" if order == "<" else "-be"
    try:
        text = bytes(data).decode(encoding)
    except UnicodeDecodeError as error:
        raise _MatError(f"is damaged: text that is not {encoding}") from error
    if kind != 16 and len(text) > count:
        raise _MatError("is damaged: a text has another length than its shape")
    return text


def _numbers(body: memoryview, order: str, shape: tuple[int, ...], count: int, dtype: str) -> npt.NDArray[Any]:
    """Return an array; MATLAB stores numbers in the smallest type that holds them."""
    if count == 0:
        return np.zeros(shape, dtype=dtype) if max(shape) < 2**31 else np.zeros((0, 0), dtype=dtype)
    kind, data, _ = _element(body, order, padded=True)
    if kind not in NUMBERS:
        raise _MatError(f"is damaged: numbers of data type {kind}")
    stored = np.dtype(order + NUMBERS[kind])
    if len(data) != count * stored.itemsize:
        raise _MatError(f"is damaged: {count} numbers are announced, {len(data)} bytes are there")
    return np.frombuffer(data, dtype=stored).reshape(shape, order="F").astype(dtype)
