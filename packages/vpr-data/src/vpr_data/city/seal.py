"""The seal of a rendered folder: the SHA-256 of each file, written last, compared before the folder is believed.

The file is that of `vpr_runner.files.seal`, which no leaf may import (a test holds the two together):

```
seal.json    {"kind": "city", "files": {"images.csv": "<SHA-256>", ...}, "sha256": "<SHA-256 of the other two>"}
```

What is damaged here can be made again, so nothing is refused: it is named, set aside, and rendered.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from vpr_data.city.files import write_atomic

__all__ = ["SEAL_FILE", "set_damaged_aside", "write_seal"]

SEAL_FILE = "seal.json"
log = logging.getLogger(__name__)


def write_seal(folder: Path, *, kind: str, files: Collection[str], seal: str = SEAL_FILE) -> None:
    """Read ``files`` of ``folder`` (with forward slashes) and write their digests to ``seal``."""
    with ThreadPoolExecutor(4) as pool:  # hashing threads release the interpreter
        digests = dict(zip(sorted(files), pool.map(lambda file: _sha256(folder / file), sorted(files)), strict=True))
    content = {"kind": kind, "files": digests, "sha256": _of(kind, digests)}
    write_atomic(folder / seal, (json.dumps(content, indent=2) + "\n").encode())


def set_damaged_aside(folder: Path, *, kind: str, seal: str = SEAL_FILE) -> bool | None:
    """Compare everything that ``folder`` is sealed with; rename what is not what was sealed, with a warning for each.

    Returns:
        Whether all is as it was sealed; None when there is no seal that could say.
    """
    if not (folder / seal).is_file():
        return None
    try:
        sealed = _opened(folder / seal, kind)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        _aside(folder / seal, str(error) or type(error).__name__)
        return None
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda name: _found(folder / name), sealed))
    damaged = [(name, digest) for name, digest in zip(sealed, found, strict=True) if digest != sealed[name]]
    for name, digest in damaged:
        _aside(folder / name, "it is missing" if digest is None else "its SHA-256 is not the recorded one")
    return not damaged


def _opened(file: Path, kind: str) -> dict[str, str]:
    content = json.loads(file.read_bytes())
    sealed = {str(name): str(digest) for name, digest in content["files"].items()}
    if content["kind"] != kind or content["sha256"] != _of(kind, sealed):
        raise ValueError("its SHA-256 is not the recorded one")
    return sealed


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _found(file: Path) -> str | None:
    try:
        return _sha256(file)
    except FileNotFoundError:
        return None


def _aside(file: Path, why: str) -> None:
    number = 1
    while (aside := file.with_name(f"{file.name}.damaged-{number}")).exists():
        number += 1
    with suppress(FileNotFoundError):  # it is missing, or another process was faster
        file.rename(aside)
    log.warning("%s is damaged (%s); it is made again", file, why)


def _of(kind: str, files: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps([kind, dict(files)], sort_keys=True).encode()).hexdigest()
