"""Searching a map: chunk files where they lie, and the index of an approximate kind kept beside them.

An exact search reads every chunk, and compares each with its SHA-256 first (`Map.verify_ahead` has that begun while the
network is loaded). An approximate index is built once and written to ``index-KIND-KEY.vpr`` in the map's folder;
``KEY`` is a digest of the chunks' digests, the index's parameters, and the versions of vpr-eval and faiss, so that a
change of any of them builds it anew. It keeps a SHA-256 of each row, and compares those that it reads.

Part of such a file is parsed by faiss, whose reader has crashed on made-up files, so a file is believed only if this
user has built it on this machine: its digest is noted in the cache folder (``VPR_CACHE``). One that came with a map is
built anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

import vpr_eval
from vpr_core import UsageError
from vpr_data.city.store import cache_root
from vpr_eval import ApproximateIndex, FlatIndex, StoredRows, load_index, read_index_digest
from vpr_runner.extraction.manifest import ChunkRecord, chunk_path

if TYPE_CHECKING:
    import numpy.typing as npt

    from vpr_core import ComponentConfig, Registry
    from vpr_core.types import Neighbours
    from vpr_runner.extraction.descriptors import Descriptors

__all__ = ["MapIndex", "nearest"]

log = logging.getLogger(__name__)


def nearest(
    descriptors: Descriptors,
    queries: npt.NDArray[np.float32],
    count: int,
    *,
    folder: Path,
    index: ComponentConfig,
    registry: Registry,
) -> tuple[Neighbours, npt.NDArray[np.int64]]:
    """Return the ``count`` nearest readable images of each query, fewer when there are fewer.

    Args:
        descriptors: of the map, opened.
        queries: ``(Q, D)``.
        count: how many.
        folder: of the map; an approximate index is kept in it, where it can be written.
        index: what is searched with.
        registry: builds it.

    Returns:
        Neighbours, numbered among the readable images, and for each of these its row in the map.

    Raises:
        UsageError: a chunk is damaged, or no image of the map could be read.
    """
    return MapIndex(descriptors, folder=folder, index=index, registry=registry).nearest(queries, count)


class MapIndex:
    """A map's index, held open: build or read it once, ask it often. Not for several threads at once.

    Args:
        descriptors: of the map, opened.
        folder: of the map.
        index: what is searched with.
        registry: builds it.

    Raises:
        UsageError: a chunk is damaged, or no image of the map could be read.
    """

    def __init__(self, descriptors: Descriptors, *, folder: Path, index: ComponentConfig, registry: Registry) -> None:
        self._descriptors, self._folder = descriptors, folder
        unreadable = _unreadable(descriptors)
        if len(unreadable) == len(descriptors):
            raise UsageError(
                f"no image of the map could be read ({len(descriptors)} are listed); look at what it was made of"
            )
        self._rows = StoredRows(list(descriptors.blocks()), skip=unreadable)
        self._built = registry.build("index", index, descriptors.shape[1])
        with self._naming_damage():
            if isinstance(self._built, ApproximateIndex):
                self._built = _kept(self._built, self._rows, descriptors, folder, index)
            else:
                descriptors.verify()  # all of them are read anyway
                _fill(self._built, self._rows)

    def nearest(self, queries: npt.NDArray[np.float32], count: int) -> tuple[Neighbours, npt.NDArray[np.int64]]:
        """Return what `nearest` does."""
        with self._naming_damage():
            return self._built.search(queries, min(count, len(self._rows))), self._rows.kept

    @contextmanager
    def _naming_damage(self) -> Iterator[None]:
        try:
            yield
        except ValueError as error:
            if not str(error).startswith(("rows:", "database:")):
                raise
            self._descriptors.verify()  # names the damaged chunk
            raise UsageError(f"{self._folder}: {error}") from error


def _unreadable(descriptors: Descriptors) -> npt.NDArray[np.int64]:
    failed = set(descriptors.failures)
    return np.array([row for row, name in enumerate(descriptors.names) if name in failed], dtype=np.int64)


def _fill(built: Any, rows: StoredRows) -> None:
    if isinstance(built, FlatIndex):
        built.build(rows)
        return
    for _, piece in rows.pieces(4096):  # an index of a plug-in has `add` alone
        built.add(piece)


def _kept(
    fresh: ApproximateIndex, rows: StoredRows, descriptors: Descriptors, folder: Path, config: ComponentConfig
) -> ApproximateIndex:
    """Return the index beside the map, or build it and put it there."""
    key = _key(descriptors, folder, config)
    path = folder / f"index-{fresh.kind}-{key[:16]}.vpr"
    opened = _opened(path, key)
    if opened is not None:
        with suppress(ValueError):  # other rows than it was made of, under the same digests: nothing to believe
            opened.attach(rows)
            descriptors.verify_no_more()  # it compares the rows that it reads
            return opened
    descriptors.verify()
    log.info("building the index %s of %s descriptors; later searches find it beside the map", fresh.kind, len(rows))
    fresh.fingerprint = key
    fresh.build(rows)
    if fresh.checked is not None and not fresh.checked.low:  # a low one has warned already
        log.info("%s", fresh.checked)
    try:
        fresh.save(path)
        _note(read_index_digest(path))
    except OSError as error:
        log.info("the index is not kept, for %s cannot be written: %s", path, error)
        return fresh
    for old in folder.glob(f"index-{fresh.kind}-*.vpr"):
        if old != path:
            with suppress(OSError):
                old.unlink()
    return fresh


def _opened(path: Path, key: str) -> ApproximateIndex | None:
    try:
        if not _noted(read_index_digest(path)):
            log.info("%s was not built here and is not read; it is built anew", path)
            return None
        opened = load_index(path, fingerprint=key)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.info("%s is not used: %s", path, error)
        return None
    return opened if isinstance(opened, ApproximateIndex) else None


def _key(descriptors: Descriptors, folder: Path, config: ComponentConfig) -> str:
    said = {
        "chunks": list(_digests(descriptors, folder)),
        "unreadable": sorted(descriptors.failures),
        "index": config.model_dump(mode="json"),
        "versions": [vpr_eval.__version__, faiss.__version__],
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _digests(descriptors: Descriptors, folder: Path) -> Iterator[str]:
    for number, _ in enumerate(descriptors.blocks()):
        record = ChunkRecord.read(folder, number)
        if record is None:
            raise UsageError(f"{chunk_path(folder, number).with_suffix('.json')} is gone; run `vpr extract` again")
        yield record.sha256


def _notes() -> Path:
    return cache_root() / "indexes"


def _note(digest: str) -> None:
    _notes().mkdir(parents=True, exist_ok=True)
    (_notes() / digest).touch()


def _noted(digest: str) -> bool:
    return len(digest) == 64 and digest.isalnum() and (_notes() / digest).is_file()
