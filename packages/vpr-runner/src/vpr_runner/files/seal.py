"""One seal over a folder: the SHA-256 of each file, written last, compared whenever a file of it is read.

```
seal.json    {"kind": "map", "files": {"images.csv": "<SHA-256>", ...}, "sha256": "<SHA-256 of the other two>"}
```

A folder without a seal was never finished, or was written before there were seals; whoever opens it says which of the
two is allowed. What is sealed is found again as it was, or a sentence names the file that is not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from vpr_core import UsageError
from vpr_runner.files import atomic
from vpr_runner.files.documents import parsed

__all__ = ["SEAL_FILE", "DamagedFileError", "Seal", "set_aside", "write_seal"]

SEAL_FILE = "seal.json"


class DamagedFileError(UsageError):
    """A file is not what was sealed.

    Attributes:
        file: which one.
    """

    def __init__(self, file: Path, why: str, *, remedy: str) -> None:
        self.file = file
        super().__init__(f"{file} is damaged ({why}); {remedy}")


class Seal:
    """What a folder's seal says; files are read through it.

    Args:
        folder: the sealed folder.
        kind: what it holds, such as ``map``.
        files: SHA-256 by name, relative to the folder, with forward slashes.
        remedy: what a message tells the reader to do about a damaged file.
    """

    def __init__(self, folder: Path, *, kind: str, files: Mapping[str, str], remedy: str) -> None:
        self.folder, self.kind, self.files, self._remedy = folder, kind, dict(files), remedy

    @classmethod
    def open(cls, folder: Path, *, kind: str, remedy: str) -> Seal | None:
        """Read the seal of ``folder``; None when it has none.

        Raises:
            DamagedFileError: the seal itself is damaged.
            UsageError: the folder is sealed as something else.
        """
        file = folder / SEAL_FILE
        if not file.is_file():
            return None
        try:
            content = parsed(file.read_text(encoding="utf-8"))
            files = {_inside(name): _digest(value) for name, value in content["files"].items()}
            whole = _of(content["kind"], files)
            if content["sha256"] != whole:
                raise ValueError("its SHA-256 is not the recorded one")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedFileError(file, str(error) or type(error).__name__, remedy=remedy) from error
        if content["kind"] != kind:
            raise UsageError(f"{folder} holds a {content['kind']}, not a {kind}; name the folder of a {kind}")
        return cls(folder, kind=kind, files=files, remedy=remedy)

    def read(self, name: str) -> bytes:
        """Return the content of a sealed file.

        Raises:
            DamagedFileError: it is missing, or not what was sealed.
        """
        file = self.folder / name
        try:
            content = file.read_bytes()
        except OSError as error:
            raise DamagedFileError(file, error.strerror or "cannot be read", remedy=self._remedy) from error
        self._compare(file, name, hashlib.sha256(content).hexdigest())
        return content

    def check(self, *names: str) -> None:
        """Compare files with the seal without keeping their contents; without names, all of them."""
        for name in names or self.files:
            file = self.folder / name
            try:
                found = atomic.sha256_of(file)
            except OSError as error:
                raise DamagedFileError(file, error.strerror or "cannot be read", remedy=self._remedy) from error
            self._compare(file, name, found)

    def _compare(self, file: Path, name: str, found: str) -> None:
        if name not in self.files:
            raise DamagedFileError(file, f"{SEAL_FILE} does not know it", remedy=self._remedy)
        if found != self.files[name]:
            raise DamagedFileError(file, "its SHA-256 is not the recorded one", remedy=self._remedy)


def write_seal(folder: Path, *, kind: str, files: Collection[str], known: Mapping[str, str] | None = None) -> None:
    """Seal ``files`` of ``folder``: read each, and write ``seal.json`` last.

    Args:
        folder: to seal.
        kind: what it holds.
        files: names relative to the folder, with forward slashes.
        known: SHA-256 of files that need not be read again.
    """
    known = known or {}
    digests = {name: known.get(name) or atomic.sha256_of(folder / name) for name in sorted(files)}
    content = {"kind": kind, "files": digests, "sha256": _of(kind, digests)}
    atomic.write_json(folder / SEAL_FILE, content)


def set_aside(file: Path) -> Path:
    """Rename a damaged file so that it is neither read nor lost; return its new path."""
    number = 1
    while (aside := file.with_name(f"{file.name}.damaged-{number}")).exists():
        number += 1
    return file.rename(aside)


def _of(kind: Any, files: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps([kind, dict(files)], sort_keys=True).encode()).hexdigest()


def _inside(name: Any) -> str:
    """A stranger's seal names files of its own folder only."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or str(path) != name:
        raise ValueError(f"it names {name!r}, which lies elsewhere")
    return str(name)


def _digest(value: Any) -> str:
    if not isinstance(value, str) or len(value) != 64:
        raise ValueError(f"{value!r} is no SHA-256")
    return value
