"""What a file is that should hold weights and does not: the usual remains of a download."""

from __future__ import annotations

import zipfile
from pathlib import Path

__all__ = ["what_it_is"]

_HEAD = 4096
_AGAIN = "fetch it again"
_UNPACK = "unpack it and give the file of weights inside"
_BY_BEGINNING: tuple[tuple[tuple[bytes, ...], str], ...] = (
    (
        (b"version https://git-lfs.github.com/spec/",),
        "a Git LFS pointer, not the weights: run 'git lfs pull' where it comes from, or fetch the file itself",
    ),
    ((b"\x1f\x8b",), f"a gzip archive: {_UNPACK}"),
    ((b"7z\xbc\xaf\x27\x1c",), f"a 7z archive: {_UNPACK}"),
    ((b"Rar!",), f"a RAR archive: {_UNPACK}"),
    ((b"BZh",), f"a bzip2 archive: {_UNPACK}"),
    ((b"\xfd7zXZ",), f"an xz archive: {_UNPACK}"),
    ((b"\x28\xb5\x2f\xfd",), f"a Zstandard archive: {_UNPACK}"),
    ((b"\x89HDF\r\n\x1a\n",), "an HDF5 file (Keras, or MATLAB 7.3): weights of PyTorch or safetensors are read"),
    ((b"MATLAB ",), "a MATLAB file: `vpr import` reads the NetVLAD authors' networks"),
    ((b"\x93NUMPY",), "an array of numpy: give a state dict or safetensors file"),
    ((b"GGUF", b"GGML"), "a GGUF or GGML file: give a state dict or safetensors file"),
    ((b"\x89PNG", b"\xff\xd8\xff", b"GIF8"), "an image, not weights"),
    ((b"%PDF",), "a PDF document, not weights"),
)


def what_it_is(path: Path) -> str:
    """Return what the file is and what to do, ``"a web page: ..."``; empty when it may be a file of weights.

    Only its first bytes, its length and, of a zip archive, the list of its members are looked at.
    """
    size = path.stat().st_size
    if size == 0:
        return f"empty (0 bytes): {_AGAIN}"
    with path.open("rb") as file:
        head = file.read(_HEAD)
    for beginnings, what in _BY_BEGINNING:
        if head.startswith(beginnings):
            return what
    if head.startswith(b"PK"):
        return _of_an_archive(path, size)
    return _of_safetensors(head, size) or _of_text(head) or _of_tar(head)


def _of_an_archive(path: Path, size: int) -> str:
    """A zip that is none of torch's: cut short, or an archive of something else."""
    if not zipfile.is_zipfile(path):
        return f"cut short: it begins as an archive of PyTorch and its end is missing after {size:,} bytes; {_AGAIN}"
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        return f"a damaged archive ({error}); {_AGAIN}"
    if any(name.rpartition("/")[2] == "data.pkl" for name in names):
        return ""
    if any(name.rpartition("/")[2] == "saved_model.pb" for name in names):
        return "a zip archive of TensorFlow: weights of PyTorch or safetensors are read"
    shown = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
    return f"a zip archive of other files ({shown or 'empty'}): {_UNPACK}"


def _of_safetensors(head: bytes, size: int) -> str:
    """A header whose announced length does not fit into the file."""
    if len(head) < 10 or head[8:10] != b'{"':
        return ""
    announced = int.from_bytes(head[:8], "little")
    if announced + 8 <= size:
        return ""
    return f"cut short: a safetensors file whose header alone has {announced + 8:,} bytes, of {size:,}; {_AGAIN}"


def _of_text(head: bytes) -> str:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<!--", b"<script")) or b"<html" in text[:1024]:
        return f"a web page (HTML), as a download that failed leaves it: open it to see what it asks, then {_AGAIN}"
    if text.startswith(b"<?xml"):
        return f"an XML document, as a server's error message is: {_AGAIN}"
    if text.startswith((b"{", b"[")) and _is_printable(head):
        return f"a JSON text, as a server's error message is: {_AGAIN}"
    return "a text file, not weights" if _is_printable(head) else ""


def _of_tar(head: bytes) -> str:
    """torch's oldest format is a tar too, and holds a member ``storages`` beside its pickle."""
    if head[257:262] != b"ustar" or head.startswith((b"storages", b"tensors", b"pickle")):
        return ""
    return f"a tar archive: {_UNPACK}"


def _is_printable(head: bytes) -> bool:
    """Text in ASCII or UTF-8: no control characters but those of lines. A few bytes may be anything."""
    if len(head) < 8 or any(byte < 32 and byte not in b"\t\n\r\f" for byte in head):
        return False
    try:
        head[:-4].decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
