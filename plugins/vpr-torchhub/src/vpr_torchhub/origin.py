"""Which code and which weights a network is: what a record of results needs, as defaults of hubs move."""

from __future__ import annotations

import contextlib
import hashlib
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vpr_backbones.download import room_for

__all__ = ["HubOrigin", "careful_downloads", "commit_of", "folder_of", "weights_sha256"]

_COMMIT = re.compile(r"[0-9a-f]{40}")
_ARCHIVE = re.compile(r"https://github\.com/(?P<owner>[^/]+)/(?P<name>[^/]+)/zipball/(?P<ref>.+)")
_USUAL = ("main", "master")


@dataclass(frozen=True, kw_only=True)
class HubOrigin:
    """Where a network comes from.

    Attributes:
        repository: ``owner/name``; empty for a network of a file.
        entry: the function that was called.
        ref: what was asked for; None: the default branch.
        commit: which commit that was; empty where nothing says so.
        file: the file of weights that the user gave.
        file_sha256: of its bytes.
        weights_sha256: of all tensors as they were loaded: names, types, shapes and values. Empty where the network
            keeps none that PyTorch finds.
    """

    repository: str = ""
    entry: str = ""
    ref: str | None = None
    commit: str = ""
    file: str = ""
    file_sha256: str = ""
    weights_sha256: str = ""


def weights_sha256(network: nn.Module) -> str:
    """SHA-256 over a network's tensors in the order of their names; empty when it has none."""
    state = network.state_dict()
    if not state:
        return ""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(memoryview(tensor.reshape(-1).view(torch.uint8).numpy()))
    return digest.hexdigest()


def folder_of(repository: str, ref: str | None) -> Path | None:
    """Return where torch.hub keeps the code of a repository, if it does."""
    hub = Path(torch.hub.get_dir())
    places = [hub / f"{repository.replace('/', '_')}_{name.replace('/', '_')}" for name in ([ref] if ref else _USUAL)]
    return next((place for place in places if place.is_dir()), None)


def commit_of(*, repository: str, ref: str | None, local: Path | None) -> str:
    """Return the commit of the code: of ``ref`` itself, of the checkout, or as noted when the archive was fetched."""
    if local is not None:
        return _head(local)
    if ref is not None and _COMMIT.fullmatch(ref):
        return ref
    folder = folder_of(repository, ref)
    noted = _note(folder) if folder is not None else None
    if noted is None or not noted.is_file():
        return ""
    text = noted.read_text("utf-8", errors="replace").strip()
    return text if _COMMIT.fullmatch(text) else ""


@contextlib.contextmanager
def careful_downloads() -> Iterator[None]:
    """While torch.hub fetches, leave no half file lying, and note which commit an archive is.

    Every file grows in a folder of its own (`vpr_backbones.download.room_for`), which the next start empties when this
    one is killed. The commit is what GitHub writes into an archive's comment; torch.hub unpacks the archive and forgets
    it. The note lies beside the folder, so a later start reads it.
    """
    fetch: Any = torch.hub.download_url_to_file

    def noting(url: str, dst: str, *arguments: Any, **settings: Any) -> Any:
        with room_for(Path(dst)) as room:
            result = fetch(url, str(room / Path(dst).name), *arguments, **settings)
            (room / Path(dst).name).replace(dst)
        found = _ARCHIVE.fullmatch(url)
        if found:
            folder = Path(torch.hub.get_dir()) / f"{found['owner']}_{found['name']}_{found['ref'].replace('/', '_')}"
            with contextlib.suppress(zipfile.BadZipFile, OSError), zipfile.ZipFile(dst) as archive:
                comment = archive.comment.decode("ascii", errors="replace")
                if _COMMIT.fullmatch(comment):
                    _note(folder).write_text(comment + "\n", "utf-8")
        return result

    torch.hub.download_url_to_file = noting
    try:
        yield
    finally:
        torch.hub.download_url_to_file = fetch


def _note(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.commit")


def _head(checkout: Path) -> str:
    """The commit that is checked out, read from git's files; empty where it is no checkout of git."""
    try:
        head = (checkout / ".git" / "HEAD").read_text("utf-8").strip()
        if _COMMIT.fullmatch(head):
            return head
        branch = head.removeprefix("ref: ")
        loose = checkout / ".git" / branch
        if ".." not in branch and loose.is_file():
            text = loose.read_text("utf-8").strip()
            return text if _COMMIT.fullmatch(text) else ""
        packed = (checkout / ".git" / "packed-refs").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    found = re.search(rf"^([0-9a-f]{{40}}) {re.escape(branch)}$", packed, re.MULTILINE)
    return found[1] if found else ""
