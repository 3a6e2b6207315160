"""Reading NumPy files that hold arrays of lists, which are pickles, without running a pickle.

A pickle is a program. This reader follows the few instructions that NumPy writes for arrays of arrays, of lists, of
whole numbers and of text (by Python 2 and 3), builds exactly these, and refuses everything else by name. No name in
the file is imported or called: ``_reconstruct``, ``scalar``, ``ndarray``, ``dtype`` and ``encode`` are known marks.
"""

from __future__ import annotations

import io
import pickletools
from pathlib import Path
from tokenize import TokenError
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["read_array"]

LARGEST = 1 << 28
_NUMBERS = frozenset("iufb")


class _Mark(NamedTuple):
    """A function or class that a pickle names; only ever compared."""

    module: str
    name: str


class _Type:
    """A dtype while it is put together."""

    def __init__(self, code: str) -> None:
        self.code, self.order = code, "="

    def numpy(self) -> np.dtype[Any]:
        kind = np.dtype(self.code)
        return kind if self.order in "=|" else kind.newbyteorder(self.order)  # type: ignore[arg-type]


class _Array:
    """An array while it is put together."""

    value: npt.NDArray[Any] | None = None


_MARK = object()
_RECONSTRUCT = {_Mark(f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")}
_SCALAR = {_Mark(f"numpy.{core}.multiarray", "scalar") for core in ("core", "_core")}
_NDARRAY, _DTYPE, _ENCODE = _Mark("numpy", "ndarray"), _Mark("numpy", "dtype"), _Mark("_codecs", "encode")
_NO_BYTES = _Mark("__builtin__", "bytes")
_KNOWN = {*_RECONSTRUCT, *_SCALAR, _NDARRAY, _DTYPE, _ENCODE, _NO_BYTES}
_PLAIN = {
    "BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "LONG4", "BINFLOAT", "FLOAT", "BINUNICODE",
    "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
}  # fmt: skip
_OLD_TEXT = {"BINSTRING", "SHORT_BINSTRING", "STRING"}
_CONSTANT = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}


def read_array(path: Path) -> npt.NDArray[Any]:
    """Return the array in a ``.npy`` file; of objects only arrays, lists, whole numbers, fractions and text.

    Raises:
        ValueError: it is no such file, larger than 256 MiB, or holds anything else; names what.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"{path}: {path.stat().st_size:,} bytes; a list of right answers is at most {LARGEST:,}")
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, kind = read(stream)
        if not kind.hasobject:
            return np.asarray(np.load(io.BytesIO(content), allow_pickle=False))
        value = _Reader(content[stream.tell() :]).run()
    except (
        ValueError,
        EOFError,
        TypeError,
        SyntaxError,
        TokenError,
        IndexError,
        KeyError,
        OverflowError,
        MemoryError,
    ) as error:
        raise ValueError(f"{path}: {str(error) or type(error).__name__}") from error
    array = value.value if isinstance(value, _Array) else value
    if not isinstance(array, np.ndarray) or array.shape != tuple(shape):
        raise ValueError(f"{path}: its header says shape {shape}, what follows is {_named(array)}")
    return np.asfortranarray(array) if fortran else array


class _Reader:
    """A stack machine for the instructions that are known."""

    def __init__(self, code: bytes) -> None:
        self._code = code
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def run(self) -> Any:
        argument: Any
        for operation, argument, _ in pickletools.genops(self._code):
            name = operation.name
            if name == "STOP":
                return self._stack.pop()
            if name in ("PROTO", "FRAME"):
                continue
            if name in _PLAIN:
                self._stack.append(argument)
            elif name in _OLD_TEXT:  # bytes of Python 2, which pickletools hands over as text
                self._stack.append(argument if isinstance(argument, bytes) else argument.encode("latin1"))
            elif name in _CONSTANT:
                self._stack.append(_CONSTANT[name])
            elif name == "MEMOIZE":
                self._memo[len(self._memo)] = self._stack[-1]
            elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
                self._memo[int(argument)] = self._stack[-1]
            elif name in ("BINGET", "LONG_BINGET", "GET"):
                self._stack.append(self._memo[int(argument)])
            else:
                self._structure(name, argument)
        raise ValueError("cut short")

    def _structure(self, name: str, argument: Any) -> None:
        stack = self._stack
        if name == "MARK":
            stack.append(_MARK)
        elif name == "EMPTY_LIST":
            stack.append([])
        elif name in ("LIST", "TUPLE"):
            items = self._since_mark()
            stack.append(items if name == "LIST" else tuple(items))
        elif name == "APPENDS":
            items = self._since_mark()
            self._last_list().extend(items)
        elif name == "APPEND":
            item = stack.pop()
            self._last_list().append(item)
        elif name == "EMPTY_TUPLE":
            stack.append(())
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            count = int(name[-1])
            last = tuple(stack[-count:])
            del stack[-count:]
            stack.append(last)
        elif name == "GLOBAL":
            self._name(*argument.split(" ", 1))
        elif name == "STACK_GLOBAL":
            short, module = stack.pop(), stack.pop()
            self._name(module, short)
        elif name == "REDUCE":
            arguments, function = stack.pop(), stack.pop()
            stack.append(_called(function, arguments))
        elif name == "BUILD":
            state = stack.pop()
            _built(stack[-1], state)
        else:
            raise ValueError(f"holds the pickle instruction {name}, which no list of right answers needs; not read")

    def _name(self, module: Any, name: Any) -> None:
        mark = _Mark(str(module), str(name))
        if mark not in _KNOWN:
            raise ValueError(f"names {mark.module}.{mark.name}; arrays, lists, numbers and text are read, nothing else")
        self._stack.append(mark)

    def _since_mark(self) -> list[Any]:
        items: list[Any] = []
        while (item := self._stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    def _last_list(self) -> list[Any]:
        last = self._stack[-1]
        if not isinstance(last, list):
            raise ValueError("appends to something that is no list")
        return last


def _called(function: Any, arguments: Any) -> Any:
    if function in _RECONSTRUCT and arguments[0] == _NDARRAY:
        return _Array()
    if function == _DTYPE and isinstance(arguments[0], str | bytes):
        code = _text(arguments[0])
        if code[:1] not in _NUMBERS | {"O", "U", "S"}:
            raise ValueError(f"holds an array of kind {code[:20]!r}; whole numbers and text are read")
        return _Type(code)
    if function in _SCALAR and isinstance(arguments[0], _Type) and isinstance(arguments[1], bytes):
        kind = arguments[0].numpy()
        if kind.hasobject:
            raise ValueError("holds a number that is no number")
        return np.frombuffer(arguments[1], kind, count=1)[0].item()
    if function == _NO_BYTES and arguments == ():
        return b""
    if function == _ENCODE and arguments[1:] in (("latin1",), ("latin-1",)):
        return str(arguments[0]).encode("latin1")
    raise ValueError(f"calls {_named(function)}; arrays, lists, numbers and text are read, nothing else")


def _built(target: Any, state: Any) -> None:
    if isinstance(target, _Type):
        order = _text(state[1])
        if order not in "<>=|" or any(part is not None for part in state[2:5]):
            raise ValueError("holds an array with named fields; whole numbers and text are read")
        target.order = order
    elif isinstance(target, _Array):
        _, shape, kind, fortran, content = state
        if not isinstance(kind, _Type) or not all(isinstance(side, int) and side >= 0 for side in shape):
            raise ValueError("holds an array without a shape")
        target.value = _filled(shape, kind.numpy(), content, order="F" if fortran else "C")
    else:
        raise ValueError(f"sets the state of {_named(target)}")


def _filled(shape: tuple[int, ...], kind: np.dtype[Any], content: Any, *, order: Any) -> npt.NDArray[Any]:
    size = int(np.prod(shape, dtype=object))
    if size > LARGEST:
        raise ValueError(f"holds an array of {size:,} values; at most {LARGEST:,}")
    if not kind.hasobject:
        raw = content if isinstance(content, bytes) else _text(content).encode("latin1")
        return np.frombuffer(raw, kind, count=size).reshape(shape, order=order).copy()
    if not isinstance(content, list) or len(content) != size:
        raise ValueError(f"holds an array of {size} things and {_named(content)} of them")
    array = np.empty(size, dtype=object)
    for position, item in enumerate(content):
        array[position] = item.value if isinstance(item, _Array) else _old(item)
    return array.reshape(shape, order=order)


def _old(item: Any) -> Any:
    """Text that Python 2 wrote as bytes, and arrays within lists."""
    if isinstance(item, bytes):
        return item.decode("latin1")
    if isinstance(item, list):
        return [inner.value if isinstance(inner, _Array) else _old(inner) for inner in item]
    return item


def _text(value: Any) -> str:
    return value.decode("latin1") if isinstance(value, bytes) else str(value)


def _named(value: Any) -> str:
    if isinstance(value, _Mark):
        return f"{value.module}.{value.name}"
    return f"{len(value)}" if isinstance(value, list) else type(value).__name__.lstrip("_").lower()
