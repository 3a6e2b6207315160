"""What the folder of an extraction says of itself: its manifest, and a record a chunk."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vpr_core import UsageError
from vpr_runner.files import atomic
from vpr_runner.files.documents import parsed, sealed, unsealed

if TYPE_CHECKING:
    from vpr_core.types import ImageSet
    from vpr_runner.encoding.source import JoinedImages

__all__ = ["ChunkRecord", "Manifest", "chunk_path", "images_digest"]

FORMAT = 1
_NAME = "manifest.json"
_DTYPES = ("float32", "float16")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What is extracted, from what, with what.

    Attributes:
        fingerprint: of the model.
        dim: ``D``.
        size: image size, or None: their own.
        precision: of the forward pass.
        chunk: images a chunk.
        dtype: of the rows.
        names: relative path of each image; its place in the list is its id.
        bytes: length of each file; -1 where there is none.
        code: local plug-ins by their contents (`vpr_runner.code`).
        runtime: what executed the network (`vpr_runner.encoding.execution`); empty: torch.
    """

    fingerprint: str
    dim: int
    size: tuple[int, int] | None
    precision: str
    chunk: int
    dtype: str
    names: tuple[str, ...]
    bytes: tuple[int, ...]
    code: tuple[str, ...] = ()
    runtime: str = ""
    format: int = FORMAT

    def __post_init__(self) -> None:
        if self.chunk < 1:
            raise UsageError(f"chunk: {self.chunk} images a chunk; at least 1")
        if self.dtype not in _DTYPES:
            raise UsageError(f"dtype: {self.dtype!r}; one of {', '.join(_DTYPES)}")
        if len(self.names) == 0:
            raise UsageError("images: the set is empty; there is nothing to extract")
        if len(set(self.names)) != len(self.names):
            raise UsageError("images: two images have one name; rows could not be told apart")

    @property
    def chunks(self) -> int:
        """Number of chunks."""
        return -(-len(self.names) // self.chunk)

    def rows_of(self, number: int) -> range:
        """Return the image ids of a chunk."""
        if not 0 <= number < self.chunks:
            raise ValueError(f"number is {number}; chunks are 0 to {self.chunks - 1}")
        return range(number * self.chunk, min((number + 1) * self.chunk, len(self.names)))

    def write(self, folder: Path) -> None:
        """Write ``manifest.json``."""
        said = asdict(self)
        if not self.runtime:  # as manifests were before there were runtimes
            del said["runtime"]
        atomic.write_json(folder / _NAME, sealed(said))

    @classmethod
    def read(cls, folder: Path) -> Manifest | None:
        """Read ``manifest.json``; None when there is none.

        Raises:
            UsageError: it is damaged, or of another format.
        """
        file = folder / _NAME
        if not file.is_file():
            return None
        try:
            data = unsealed(parsed(file.read_text(encoding="utf-8")), always=False)
            if data["format"] != FORMAT:
                raise UsageError(
                    f"{file}: format {data['format']!r}, this version reads {FORMAT}; extract again elsewhere"
                )
            data["size"] = None if data["size"] is None else tuple(data["size"])
            data["names"], data["bytes"] = tuple(data["names"]), tuple(data["bytes"])
            data["code"] = tuple(data.get("code", ()))
            return cls(**data)._checked()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"{file}: not a manifest of this toolkit ({error}); extract again elsewhere") from error

    def _checked(self) -> Manifest:
        """Return this manifest, as read from a file that anybody may have written.

        Raises:
            TypeError: a field is of another kind than it should be.
        """
        numbers = (self.dim, self.chunk, *self.bytes, *(self.size or ()))
        if set(map(type, numbers)) != {int} or max(numbers) >= 2**63 or self.dim < 1:
            raise TypeError("dim, chunk, bytes and size must be whole numbers")
        if set(map(type, (self.fingerprint, self.precision, self.runtime, *self.names, *self.code))) != {str}:
            raise TypeError("fingerprint, precision, runtime, names and code must be text")
        if len(self.names) != len(self.bytes):
            raise TypeError(f"{len(self.names)} names, {len(self.bytes)} lengths")
        return self

    def continues(self, earlier: Manifest) -> bool:
        """Return whether this is ``earlier`` with more images behind its own."""
        count = len(earlier.names)
        shorter = replace(self, names=self.names[:count], bytes=self.bytes[:count])
        return len(self.names) > count and shorter == earlier

    def refuse_other(self, wanted: Manifest, folder: Path) -> None:
        """Raise ``UsageError`` unless ``wanted`` is this very extraction."""
        different = [f.name for f in fields(self) if getattr(self, f.name) != getattr(wanted, f.name)]
        if not different:
            return
        said = []
        for name in different:
            old, new = getattr(self, name), getattr(wanted, name)
            if name == "fingerprint":
                said.append(f"the model (was {old[:12]}, is {new[:12]})")
            elif name in ("names", "bytes"):
                changed = sorted(set(_pairs(self)) ^ set(_pairs(wanted)))
                first = changed[0][0] if changed else "their order"
                said.append(f"the images (were {len(self.names)}, are {len(wanted.names)}; for one, {first})")
            else:
                said.append(f"{name} (was {old or 'torch'}, is {new or 'torch'})")
        raise UsageError(
            f"{folder} holds an extraction that differs in {'; '.join(dict.fromkeys(said))}. Choose another folder, or "
            "delete this one"
        )


def _pairs(manifest: Manifest) -> list[tuple[str, int]]:
    return list(zip(manifest.names, manifest.bytes, strict=True))


@dataclass(frozen=True, kw_only=True)
class ChunkRecord:
    """``NNNNNN.json``: that a chunk is whole.

    Attributes:
        sha256: of the ``.npy`` file.
        images: `images_digest` of the image files it was made of.
        rows: their number.
        fingerprint: of the model.
        failures: name and reason of each image that could not be read.
    """

    sha256: str
    images: str
    rows: int
    fingerprint: str
    failures: dict[str, str]

    @classmethod
    def read(cls, folder: Path, number: int) -> ChunkRecord | None:
        """Read a chunk's record; None when it is missing or damaged."""
        try:
            text = chunk_path(folder, number).with_suffix(".json").read_text(encoding="utf-8")
            record = cls(**unsealed(parsed(text), always=False))
        except (OSError, ValueError, TypeError, AttributeError):
            return None
        failures: Any = record.failures  # anything may stand in a file
        whole = isinstance(failures, dict) and all(isinstance(why, str) for why in failures.values())
        return record if whole else None

    def write(self, folder: Path, number: int) -> None:
        """Write the record, after the rows."""
        atomic.write_json(chunk_path(folder, number).with_suffix(".json"), sealed(asdict(self)))

    def describes(self, folder: Path, number: int, manifest: Manifest) -> bool:
        """Return whether the chunk's rows are there and undamaged."""
        path = chunk_path(folder, number)
        right = self.fingerprint == manifest.fingerprint and self.rows == len(manifest.rows_of(number))
        return right and path.is_file() and atomic.sha256_of(path) == self.sha256


def chunk_path(folder: Path, number: int) -> Path:
    """Return the file of a chunk's rows."""
    return folder / f"{number:06d}.npy"


def images_digest(images: ImageSet | JoinedImages, positions: Sequence[int]) -> str:
    """Return the SHA-256 of the names and contents of some images; hashing threads release the interpreter."""

    def content(position: int) -> str:
        path = images.path(position)
        return atomic.sha256_of(path) if path.is_file() else "missing"

    whole = hashlib.sha256()
    with ThreadPoolExecutor(4) as pool:
        for position, digest in zip(positions, pool.map(content, positions), strict=True):
            whole.update(f"{images.names[position]}\0{digest}\n".encode())
    return whole.hexdigest()
