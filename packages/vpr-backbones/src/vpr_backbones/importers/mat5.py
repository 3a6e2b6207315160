"""MATLAB 5 files, read without believing one: structs, cells, text and real arrays, every length checked.

A network comes from somebody else, and the readers that are at hand end the process by a signal on some damaged files
and unfold compressed ones without limit. A child process with limits would survive that, at the price of a second
interpreter for each file, of limits that only POSIX has, and of arrays that have to travel. The format is small where
networks use it, so it is read here, in Python, by its description ("MAT-File Format", MathWorks): nothing is allocated
that the file does not hold, and what unfolds is bounded by what the file weighs. (vpr-data has a reader of the same
kind for ground truth; no leaf imports a leaf, and the two admit different things: this one passes over what a network
carries and nobody needs, such as objects, and reads arrays of hundreds of megabytes without a copy.)
"""

from __future__ import annotations

import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Unread", "read_variable"]

_MOST = 4 * 2**30
_UNFOLDS = 64
"""Largest factor by which a file may unfold; weights hardly do, a hostile file by a thousand."""
_AT_LEAST = 64 * 2**20
_DEPTH = 32
_MATRIX, _COMPRESSED = 14, 15
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_NUMBERS = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_CELL, _STRUCT, _CHAR = 1, 2, 4
_TEXT = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}


class Unread:
    """What stands in for a value of a class that is not read: objects, functions, sparse and complex arrays."""

    def __init__(self, kind: int) -> None:
        self.kind = kind

    def __repr__(self) -> str:
        return f"<class {self.kind} of MATLAB>"


class _DamagedError(Exception):
    """What is wrong with a file."""


def read_variable(path: Path, variable: str) -> Any:
    """Return one variable: a dict for a struct, a list for cells and arrays of structs, a str, an array, or `Unread`.

    Arrays have the shape and order of MATLAB, as MATLAB leaves out trailing sides of 1.

    Raises:
        ValueError: not a MATLAB 5 file, damaged, or without that variable; names the file and, then, its variables.
    """
    content = path.read_bytes()
    if content[:10] == b"MATLAB 7.3" or b"\x89HDF\r\n\x1a\n" in content[:520]:
        raise ValueError(f"weights: {path} is a MATLAB 7.3 (HDF5) file; save it again with save(..., '-v7')")
    try:
        return _find(content, variable, path)
    except _DamagedError as error:
        raise ValueError(f"weights: {path} cannot be read as a MATLAB file ({error}); fetch it again") from error


def _find(content: bytes, variable: str, path: Path) -> Any:
    if len(content) < 128 or content[126:128] not in (b"IM", b"MI"):
        raise _DamagedError("its head of 128 bytes is not that of a file of version 5")
    reader = _Reader("<" if content[126:128] == b"IM" else ">")
    left = min(_MOST, max(_AT_LEAST, _UNFOLDS * len(content)))
    data, seen = memoryview(content)[128:], []
    while len(data):
        kind, body, data = reader.element(data, padded=False)
        if kind == _COMPRESSED:
            plain = _unfold(body, left)
            left -= len(plain)
            kind, body, _ = reader.element(memoryview(plain), padded=True)
        if kind != _MATRIX:
            raise _DamagedError(f"a variable is no matrix but of data type {kind}")
        name, value = reader.matrix(body, wanted=variable)
        if name == variable:
            return value
        seen.append(name)
    shown = ", ".join(repr(name)[1:-1] for name in seen[:12])
    raise ValueError(f"weights: {path} must hold the variable {variable}, it has: {shown or 'none'}.")


def _unfold(body: memoryview, limit: int) -> bytes:
    inflater = zlib.decompressobj()
    try:
        plain = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise _DamagedError(f"its compressed data is: {error}") from error
    if len(plain) > limit:
        raise _DamagedError(f"it unfolds to more than {limit >> 20} MiB, which no network of its size does")
    if not inflater.eof:
        raise _DamagedError("it ends in the middle of compressed data")
    return plain


class _Reader:
    """The elements of a file of one byte order, ``<`` or ``>``."""

    def __init__(self, order: str) -> None:
        self.order = order
        self._endian: Any = "little" if order == "<" else "big"

    def element(self, data: memoryview, *, padded: bool) -> tuple[int, memoryview, memoryview]:
        """Return data type and bytes of the next element, and what follows it."""
        if len(data) < 8:
            raise _DamagedError("it ends in the middle of an element")
        word = int.from_bytes(data[:4], self._endian)
        if word >> 16:  # the small format: type, length and up to four bytes of data in eight
            kind, size, start, end = word & 0xFFFF, word >> 16, 4, 8
            if size > 4:
                raise _DamagedError("a small element has more than four bytes")
        else:
            kind, size, start = word, int.from_bytes(data[4:8], self._endian), 8
            end = start + (-(-size // 8) * 8 if padded else size)
        if start + size > len(data):
            raise _DamagedError(f"an element of {size} bytes is announced where {len(data) - start} are left")
        return kind, data[start : start + size], data[end:]

    def matrix(self, body: memoryview, *, wanted: str | None = None, depth: int = 0) -> tuple[str, Any]:
        """Return name and value; the value of another variable than ``wanted`` is passed over."""
        if depth > _DEPTH:
            raise _DamagedError(f"cells and structs are nested more than {_DEPTH} deep")
        if not len(body):
            return "", np.zeros((0, 0))
        kind, flags, rest = self.element(body, padded=True)
        if kind != 6 or len(flags) != 8:
            raise _DamagedError("an array has no flags")
        word = int.from_bytes(flags[:4], self._endian)
        klass, is_complex = word & 0xFF, bool(word & 0x0800)
        if klass not in _NUMBERS and klass not in (_CELL, _STRUCT, _CHAR):
            return self._name_of_what_is_not_read(rest, klass), Unread(klass)
        shape, rest = self._shape(rest)
        _, name_bytes, rest = self.element(rest, padded=True)
        name = bytes(name_bytes).decode("latin-1")
        if wanted is not None and name != wanted:
            return name, None
        if klass == _CELL:
            return name, self._children(rest, math.prod(shape), depth)
        if klass == _STRUCT:
            return name, self._struct(rest, math.prod(shape), depth)
        if klass == _CHAR:
            return name, self._text(rest)
        return name, Unread(klass) if is_complex else self._numbers(rest, shape, _NUMBERS[klass])

    def _name_of_what_is_not_read(self, rest: memoryview, klass: int) -> str:
        """Objects and functions lay out their heads otherwise; a name is only needed to list the variables."""
        try:
            if klass != 17:
                _, rest = self._shape(rest)
            return bytes(self.element(rest, padded=True)[1]).decode("latin-1")
        except _DamagedError:
            return ""

    def _shape(self, data: memoryview) -> tuple[tuple[int, ...], memoryview]:
        kind, sides, rest = self.element(data, padded=True)
        if kind != 5 or len(sides) % 4 or not 8 <= len(sides) <= 4 * 32:
            raise _DamagedError("an array has no shape")
        shape = tuple(int(side) for side in np.frombuffer(sides, dtype=f"{self.order}i4"))
        if min(shape) < 0:
            raise _DamagedError(f"an array has the shape {shape}")
        return shape, rest

    def _children(self, data: memoryview, count: int, depth: int) -> list[Any]:
        if 8 * count > len(data):
            raise _DamagedError(f"{count} cells or fields are announced in {len(data)} bytes")
        values = []
        for _ in range(count):
            kind, inner, data = self.element(data, padded=True)
            if kind != _MATRIX:
                raise _DamagedError(f"a cell or field is no matrix but of data type {kind}")
            values.append(self.matrix(inner, depth=depth + 1)[1])
        return values

    def _struct(self, data: memoryview, count: int, depth: int) -> Any:
        _, length_bytes, data = self.element(data, padded=True)
        _, names_bytes, data = self.element(data, padded=True)
        length = int.from_bytes(length_bytes, self._endian)
        if not 1 <= length <= 1024 or len(names_bytes) % length:
            raise _DamagedError("the names of a struct's fields are cut off")
        raw = bytes(names_bytes)
        names = [raw[start : start + length].split(b"\0")[0].decode("latin-1") for start in range(0, len(raw), length)]
        values = self._children(data, count * len(names), depth)
        each = [
            dict(zip(names, values[i : i + len(names)], strict=True)) for i in range(0, len(values), len(names) or 1)
        ]
        return each[0] if count == 1 and each else {} if count == 1 else each

    def _text(self, data: memoryview) -> str:
        if not len(data):
            return ""
        kind, characters, _ = self.element(data, padded=True)
        encoding = _TEXT.get(kind)
        if encoding is None:
            raise _DamagedError(f"text is of data type {kind}")
        if encoding in ("utf-16", "utf-32"):
            encoding += "-le" if self.order == "<" else "-be"
        return bytes(characters).decode(encoding, errors="replace")

    def _numbers(self, data: memoryview, shape: tuple[int, ...], dtype: str) -> npt.NDArray[Any]:
        """An array; MATLAB stores numbers in the smallest type that holds them."""
        count = math.prod(shape)
        if count == 0:
            return np.zeros((0, 0), dtype=dtype)
        kind, numbers, _ = self.element(data, padded=True)
        if kind not in _STORED:
            raise _DamagedError(f"numbers are of data type {kind}")
        stored = np.dtype(self.order + _STORED[kind])
        if len(numbers) != count * stored.itemsize:
            raise _DamagedError(f"{count} numbers are announced and {len(numbers)} bytes are there")
        array = np.frombuffer(numbers, dtype=stored).reshape(shape, order="F")
        return array if array.dtype == np.dtype(dtype) else array.astype(dtype)
