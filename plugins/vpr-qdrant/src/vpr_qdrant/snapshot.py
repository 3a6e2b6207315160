"""The file of an index: two lines of text, descriptors, positions, and a SHA-256 over all of it.

```
vpr-qdrant 1
{"dim": 4096, "metric": "l2", "count": 83952, "positions": false}
<count x dim float32, little-endian> <count x 2 float64 where there are positions>
sha256:<64 hexadecimal digits>
```

It holds bare numbers and says nothing of the database they came from: any index, here or elsewhere, can be made of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Header", "Snapshot", "read_snapshot", "write_snapshot"]

_MAGIC = b"vpr-qdrant 1\n"
_TRAILER = b"\nsha256:"
_TRAILER_LENGTH = len(_TRAILER) + 64
_LONGEST_HEADER = 2**12
_BLOCK = 2**20


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a file says about itself."""

    dim: int
    metric: str
    count: int
    positions: bool


class Snapshot:
    """An open file whose hash is right; `rows` and `positions` read it part by part."""

    def __init__(self, file: IO[bytes], header: Header, start: int) -> None:
        self.header = header
        self._file, self._start = file, start

    def rows(self, step: int) -> Iterator[npt.NDArray[np.float32]]:
        """Yield the descriptors in order, ``step`` at a time."""
        dim, count = self.header.dim, self.header.count
        for first in range(0, count, step):
            self._file.seek(self._start + 4 * dim * first)
            part = min(step, count - first)
            yield np.frombuffer(self._file.read(4 * dim * part), dtype="<f4").reshape(part, dim).astype(np.float32)

    def positions(self) -> npt.NDArray[np.float64] | None:
        """Return ``(count, 2)`` latitudes and longitudes, None where there are none."""
        if not self.header.positions:
            return None
        self._file.seek(self._start + 4 * self.header.dim * self.header.count)
        values = np.frombuffer(self._file.read(16 * self.header.count), dtype="<f8")
        return values.reshape(self.header.count, 2).astype(np.float64)


@contextmanager
def read_snapshot(path: Path) -> Iterator[Snapshot]:
    """Open a file for the length of the block, its hash checked.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is of another kind, or damaged.
    """
    with path.open("rb") as file:
        if file.readline(len(_MAGIC)) != _MAGIC:
            raise ValueError(f"path: {path} is not an index file of vpr-qdrant (its first line must be {_MAGIC!r})")
        line = file.readline(_LONGEST_HEADER)
        start = file.tell()
        digest = hashlib.sha256(_MAGIC + line)
        left = max(0, file.seek(0, os.SEEK_END) - _TRAILER_LENGTH - start)
        file.seek(start)
        while left and (block := file.read(min(_BLOCK, left))):
            digest.update(block)
            left -= len(block)
        end = file.tell()
        if file.read(_TRAILER_LENGTH) != _TRAILER + digest.hexdigest().encode():
            raise ValueError(f"path: {path} is damaged: its SHA-256 is not that of its last line; rebuild the index")
        header = _header(path, line)
        if end - start != header.count * (4 * header.dim + (16 if header.positions else 0)):
            raise ValueError(f"path: {path} holds {end - start} bytes, not those of {header}; rebuild the index")
        yield Snapshot(file, header, start)


def _header(path: Path, line: bytes) -> Header:
    try:
        values: dict[str, Any] = json.loads(line)
        header = Header(**values)
        if [type(value) for value in asdict(header).values()] != [int, str, int, bool] or min(
            header.dim, header.count
        ) < 0:
            raise TypeError(line)
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"path: {path} has a header of another version; rebuild the index") from error
    return header


def write_snapshot(
    path: Path, header: Header, rows: Iterable[npt.NDArray[np.float32]], positions: npt.NDArray[np.float64] | None
) -> None:
    """Write a file: it is the old one or the new one, never a part.

    Raises:
        FileNotFoundError: its folder does not exist.
        ValueError: ``rows`` are not as many as the header says.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"path: folder {path.parent} does not exist; create it first")
    mine = f".partial-{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:8]}-"
    for left in path.parent.glob(f"{mine}*"):
        _remove_abandoned(left)
    temporary = path.parent / f"{mine}{secrets.token_hex(8)}"
    digest = hashlib.sha256()
    try:
        with temporary.open("xb") as file:
            _lock(file)

            def write(data: bytes) -> None:
                digest.update(data)
                file.write(data)

            write(_MAGIC)
            write(json.dumps(asdict(header)).encode() + b"\n")
            written = 0
            for part in rows:
                write(np.ascontiguousarray(part, dtype="<f4").tobytes())
                written += len(part)
            if written != header.count:
                raise ValueError(f"rows: the database gave {written} descriptors of {header.count}; was it changed?")
            if positions is not None:
                write(np.ascontiguousarray(positions, dtype="<f8").tobytes())
            file.write(_TRAILER + digest.hexdigest().encode())
            file.flush()
            os.fsync(file.fileno())
            if os.name != "nt":  # while it is ours: nobody may take it for abandoned
                temporary.replace(path)
        if os.name == "nt":  # which does not rename an open file
            temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _lock(file: IO[bytes]) -> bool:
    """Take a file for this process, until it is closed or the process ends; False: somebody else has it."""
    try:
        import fcntl
    except ImportError:  # Windows, which removes no open file
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove_abandoned(path: Path) -> None:
    """Remove what a killed process left of a file that it was writing."""
    with suppress(OSError), path.open("rb") as file:
        if _lock(file):
            path.unlink()
