"""The file of an index: two lines of text, the engine's bytes, a SHA-256 over all of it.

```
vpr-index 1
{"kind": "flat", "dim": 4096, "metric": "l2", "count": 83952, "fingerprint": "…", "parameters": {}, "arrays": {}, …}
<payload>
sha256:<64 hexadecimal digits>
```

The payload is the arrays that the header lists, in its order, and then the engine's bytes.

The hash is checked before the payload is read. It guards against damage, not against malice: the payload of ``flat`` is
bare float32 numbers, but that of the approximate kinds is parsed by faiss: load those only from people you trust.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from vpr_eval.atomic import atomic_file
from vpr_eval.index.foreign import foreign_index

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["IndexHeader", "Payload", "listing", "read_index_digest", "read_index_header", "reading", "write_container"]

_MAGIC = b"vpr-index 1\n"
_TRAILER = b"\nsha256:"
_TRAILER_LENGTH = len(_TRAILER) + 64
_LONGEST_HEADER = 2**16
_BLOCK = 2**20
_HEADER_TYPES: dict[str, tuple[type, ...]] = {
    "kind": (str,),
    "dim": (int,),
    "metric": (str,),
    "count": (int,),
    "fingerprint": (str, type(None)),
    "parameters": (dict,),
    "arrays": (dict,),
    "check": (dict, type(None)),
}
_LATER = ("arrays", "check")
_ARRAY_TYPES = ("<i8", "<f4", "<f8")


@dataclass(frozen=True, kw_only=True)
class IndexHeader:
    """What an index file says about itself.

    Attributes:
        kind: ``flat``, ``hnsw``, ``ivf_sq``, ``ivf_pq``, ``ivf_rabitq`` or ``binary``.
        dim: ``D``.
        metric: ``l2`` or ``ip``.
        count: number of descriptors.
        fingerprint: the model that made them; None when nobody said.
        parameters: the index's own, by name.
        arrays: type and shape of each array before the engine's bytes; none in files of earlier programs.
        check: what `SelfCheck.to_dict` gave; None when it was never checked.
    """

    kind: str
    dim: int
    metric: str
    count: int
    fingerprint: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, Any] = field(default_factory=dict)
    check: dict[str, Any] | None = None


class Payload:
    """Reads the payload and no further."""

    def __init__(self, file: IO[bytes], length: int) -> None:
        self._file = file
        self.length = length
        self.left = length

    def read(self, count: int) -> bytes:
        """Return up to ``count`` bytes, none at the end."""
        data = self._file.read(min(count, self.left))
        self.left -= len(data)
        return data

    def read_into(self, array: npt.NDArray[np.uint8]) -> None:
        """Fill a contiguous array, without a second copy of what it takes.

        Raises:
            ValueError: there are fewer bytes.
        """
        view = array.reshape(-1).data
        if len(view) > self.left or self._file.readinto(view) != len(view):  # type: ignore[attr-defined]
            raise ValueError(f"payload: ends before the {len(view)} bytes that it should have; rebuild the index")
        self.left -= len(view)

    def arrays(self, listed: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
        """Read the arrays that stand first.

        Raises:
            ValueError: the header lists what cannot be an array, or more than there is.
        """
        read = {}
        for name, said in listed.items():
            listed_as: list[Any] = said if isinstance(said, list) else [None]
            kind, shape = listed_as[0] if listed_as else None, tuple(listed_as[1:])
            if kind not in _ARRAY_TYPES or not all(type(size) is int and 0 <= size < 2**48 for size in shape):
                raise ValueError(f"payload: array {name!r} is said to be {said!r}; rebuild the index")
            count = math.prod(shape)
            if count * np.dtype(kind).itemsize > self.left:
                raise ValueError(f"payload: array {name!r} of shape {shape} is longer than the file; rebuild the index")
            read[name] = np.frombuffer(self.read(count * np.dtype(kind).itemsize), dtype=kind).reshape(shape)
        return read


def listing(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
    """Return what `IndexHeader.arrays` says of some arrays."""
    return {name: [array.dtype.newbyteorder("<").str, *array.shape] for name, array in arrays.items()}


def write_container(
    path: Path,
    header: IndexHeader,
    write_payload: Callable[[Callable[[Any], int]], None],
    arrays: Mapping[str, npt.NDArray[Any]] | None = None,
) -> None:
    """Write an index file atomically; ``write_payload`` is given a function that takes bytes."""
    digest = hashlib.sha256()
    with atomic_file(path) as file:

        def write(data: Any) -> int:
            digest.update(data)
            return file.write(data)

        write(_MAGIC)
        write(json.dumps(asdict(header), ensure_ascii=False, allow_nan=False).encode() + b"\n")
        for array in (arrays or {}).values():
            write(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).reshape(-1).view(np.uint8).data)
        write_payload(write)
        file.write(_TRAILER + digest.hexdigest().encode())


def read_index_header(path: Path) -> IndexHeader:
    """Return what an index file says about itself, without reading the index or checking its hash.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not an index file.
    """
    with path.open("rb") as file:
        return _header(path, file)


def read_index_digest(path: Path) -> str:
    """Return the SHA-256 that an index file ends with, without comparing it with the content, as reading does.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not an index file.
    """
    read_index_header(path)
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 64))
        return file.read(64).decode("ascii", "replace")


def _header(path: Path, file: IO[bytes]) -> IndexHeader:
    first = file.readline(len(_MAGIC))
    if first != _MAGIC:
        raise ValueError(
            f"path: {path} is not an index file of this version (its first line must be {_MAGIC!r})"
            f"{foreign_index(first)}"
        )
    line = file.readline(_LONGEST_HEADER)
    try:
        values = json.loads(line)
        header = IndexHeader(**values)
        for one in fields(IndexHeader):
            if one.name in _LATER and one.name not in values:
                continue
            if isinstance(values[one.name], bool) or not isinstance(values[one.name], _HEADER_TYPES[one.name]):
                raise TypeError(one.name)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"path: {path} has a damaged header; rebuild the index from the descriptors") from error
    return header


@contextmanager
def reading(path: Path) -> Iterator[tuple[IndexHeader, Payload]]:
    """Yield header and payload of an index file whose hash is right."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        digest = hashlib.sha256()
        left = max(0, size - _TRAILER_LENGTH)
        while left:
            block = file.read(min(_BLOCK, left))
            if not block:
                break
            digest.update(block)
            left -= len(block)
        trailer = file.read(_TRAILER_LENGTH)
        file.seek(0)
        header = _header(path, file)
        if trailer != _TRAILER + digest.hexdigest().encode():
            raise ValueError(
                f"path: {path} is damaged: its SHA-256 is {digest.hexdigest()}, its last line says "
                f"{trailer[len(_TRAILER) :].decode('ascii', 'replace')!r}; rebuild the index from the descriptors"
            )
        yield header, Payload(file, size - _TRAILER_LENGTH - file.tell())
