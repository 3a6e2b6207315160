"""Downloading what may be downloaded, and saying whom to ask for the rest."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from tqdm.auto import tqdm

from vpr_data.published.catalogue import Download, published
from vpr_data.published.partial import partial_file, remove_abandoned, sync_folder

__all__ = ["extract_archive", "fetch", "instructions"]

ARCHIVES = (".tgz", ".tar.gz", ".tar")
MAX_UNPACKED = 32 * 2**30
"""Bytes; no archive of the catalogue comes near it."""
BLOCK = 2**20
TIMEOUT = 60


def instructions(name: str, *, root: Path | str = "ROOT") -> str:
    """Say what `fetch` gets, whom to ask for the rest, and how to lay the files out.

    Raises:
        ValueError: no published set has that name.
    """
    entry = published(name)
    lines = [
        f"{name}: {', '.join(f'{split} {c.database:,} + {c.queries:,}' for split, c in entry.counts.items())} images"
    ]
    for download in entry.downloads:
        lines.append(f"public: {download.what}\n  {download.url}")
    if entry.terms:
        lines.append(f"terms: {entry.terms}")
    if entry.ask:
        lines.append(f"ask for the {'images' if entry.downloads else 'files'}: {entry.ask}")
    lines.append(f"lay the files out below {root}:")
    lines.extend(f"  {line}" for line in entry.layout.splitlines())
    return "\n".join(lines)


def fetch(name: str, *, root: Path | str, progress: bool = True) -> list[Path]:
    """Download the public files of a set into ``root``; what is already there is left alone.

    A file appears under its name only when it is whole: downloads and unpacked files are written beside their place and
    renamed.

    Returns:
        Folders and files that were filled.

    Raises:
        ValueError: no published set has that name, or what came is not what was announced.
        OSError: the network or the disk fails; says at what.
    """
    entry = published(name)
    root = Path(root)
    filled = []
    for download in entry.downloads:
        target = root / download.to
        done = target / f".{_file_name(download)}.fetched" if _is_archive(download) else target
        if done.exists():
            continue
        root.mkdir(parents=True, exist_ok=True)
        remove_abandoned(root, ".fetching-*")
        with _downloaded(download, root, progress=progress) as part:
            if _is_archive(download):
                extract_archive(part, target, source=download.url)
                done.touch()
            else:
                part.replace(target)
        filled.append(target)
    return filled


def extract_archive(archive: Path, folder: Path, *, source: str = "") -> int:
    """Put every file of a tar archive into ``folder``, without the folders that it has inside the archive.

    Links, devices, absolute names and names that climb out are refused (`tarfile.data_filter`); so are two files of one
    name, and archives that unfold to more than `MAX_UNPACKED`. The whole archive is read, to the checksum at its end,
    before anything of it is written. When this returns, the files are on the disk.

    Returns:
        Number of files.

    Raises:
        ValueError: not an archive, damaged, or hostile.
    """
    source = source or str(archive)
    folder.mkdir(parents=True, exist_ok=True)
    remove_abandoned(folder, ".unpacking-*")
    try:
        with tarfile.open(archive) as tar:
            files = _plain_files(tar, folder, source=source)
            while tar.fileobj.read(BLOCK):
                pass  # gzip compares its checksum at the very end, behind what tar looks at
            for name, member in files.items():
                content = tar.extractfile(member)
                if content is None:
                    raise ValueError(f"{source}: {member.name!r} cannot be read")
                with content:
                    _write(content, folder / name)
        sync_folder(folder)
    except tarfile.FilterError as error:
        raise ValueError(f"{source}: {error}; an archive that leaves its folder is not unpacked") from error
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        said = str(error).partition("\n")[0].rstrip(":")
        raise ValueError(f"{source}: is not a whole tar archive ({said}); fetch it again") from error
    return len(files)


def _plain_files(tar: tarfile.TarFile, folder: Path, *, source: str) -> dict[str, tarfile.TarInfo]:
    """Return the archive's files by the name that each will have, or refuse the archive."""
    files: dict[str, tarfile.TarInfo] = {}
    total = 0
    for member in tar:
        checked = tarfile.data_filter(member, str(folder))
        name = PurePosixPath(member.name).name
        if member.isdir() or name.startswith("."):
            continue
        total += member.size
        if not member.isfile() or checked is None:
            raise ValueError(f"{source}: holds {member.name!r}, which is not a plain file; nothing good")
        if name in files:
            raise ValueError(f"{source}: holds two files named {name!r}")
        if total > MAX_UNPACKED:
            raise ValueError(f"{source}: unfolds to more than {MAX_UNPACKED >> 30} GiB; it is not unpacked")
        files[name] = member
    return files


def _write(content: IO[bytes], path: Path) -> None:
    temporary = _beside(path, ".unpacking-")
    with partial_file(temporary) as file:
        shutil.copyfileobj(content, file, BLOCK)
        file.flush()
        os.fsync(file.fileno())
        temporary.replace(path)


def _beside(path: Path, prefix: str) -> Path:
    """Short whatever the name, and the same in the next start."""
    return path.with_name(prefix + hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16])


@contextmanager
def _downloaded(download: Download, root: Path, *, progress: bool) -> Iterator[Path]:
    """Download to a temporary file, check it, and remove it afterwards unless it has been moved away."""
    part = _beside(root / _file_name(download), ".fetching-")
    digest = hashlib.sha256()
    with partial_file(part) as file:
        try:
            with (
                urllib.request.urlopen(_request(download.url), timeout=TIMEOUT) as response,
                tqdm(
                    total=int(response.headers.get("Content-Length") or 0) or None,
                    desc=_file_name(download),
                    unit="B",
                    unit_scale=True,
                    disable=not progress,
                ) as bar,
            ):
                announced = int(response.headers.get("Content-Length") or 0)
                if "text/html" in (response.headers.get("Content-Type") or ""):
                    raise ValueError(f"{download.url}: the server answers with a web page; open it to see what it asks")
                received = 0
                while block := response.read(BLOCK):
                    file.write(block)
                    digest.update(block)
                    bar.update(len(block))
                    received += len(block)
                if announced and received != announced:
                    raise OSError(f"{download.url}: broke off after {received} of {announced} bytes; run it again")
                file.flush()
                os.fsync(file.fileno())
        except urllib.error.URLError as error:
            raise OSError(f"{download.url}: {error}; fetch it by hand, see 'vpr data fetch' for its place") from error
        if download.sha256 is not None and digest.hexdigest() != download.sha256:
            raise ValueError(
                f"{download.url}: has SHA-256 {digest.hexdigest()}, {download.sha256} was expected; it is not used"
            )
        yield part


def _request(url: str) -> urllib.request.Request:
    if not url.startswith(("https://", "http://")):
        raise ValueError(f"url must begin with https://, got {url!r}")
    return urllib.request.Request(url, headers={"User-Agent": "vpr-data"})


def _file_name(download: Download) -> str:
    return download.url.rpartition("/")[2]


def _is_archive(download: Download) -> bool:
    return _file_name(download).endswith(ARCHIVES)
