"""What an index of many images is compared with: how each is built in parts, opened, and asked."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from vpr_eval import StoredRows

    Ask = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.int64]]

__all__ = ["LISTS", "TOP", "Contestant", "contestants"]

LISTS, TOP = 512, 10
_PART = 8192


class Contestant(Protocol):
    """An index that is built into ``path`` and asked from there, by one process after the other."""

    variants: Mapping[str, Mapping[str, Any]]
    """By name, the ways in which it is asked."""

    def build(self, rows: StoredRows, path: Path, *, until: float) -> bool:
        """Build, or go on building; return whether it is done, or False when the clock (`time.monotonic`) says
        ``until`` before."""

    def load(self) -> None:
        """Import what asking needs."""

    def open(self, path: Path, rows: StoredRows, settings: Mapping[str, Any]) -> Ask:
        """Return what gives the ten nearest rows of one query."""


class Ours:
    """A kind of vpr-eval, with the original rows where they lie."""

    def __init__(self, kind: str, variants: Mapping[str, Mapping[str, Any]], **parameters: Any) -> None:
        self.variants, self._kind, self._parameters = variants, kind, parameters

    def _new(self, dim: int) -> Any:
        import vpr_eval

        return getattr(vpr_eval, self._kind)(dim=dim, **self._parameters)

    def build(self, rows: StoredRows, path: Path, *, until: float) -> bool:
        """Build it whole: no kind of ours takes long, but for the graph."""
        index = self._new(rows.shape[1])
        if self._kind != "FlatIndex":  # which is the rows
            index.build(rows)
            index.save(path)
        return True

    def load(self) -> None:
        """Import faiss."""
        self._new(2**10)

    def open(self, path: Path, rows: StoredRows, settings: Mapping[str, Any]) -> Ask:
        """Load the file, or take the rows themselves."""
        import vpr_eval

        if self._kind == "FlatIndex":
            index = self._new(rows.shape[1])
            index.build(rows)
        else:
            index = vpr_eval.load_index(path)
            index.attach(rows)
        for field, value in settings.items():
            setattr(index, field, value)
        return lambda query: np.asarray(index.search(query, TOP).index[0])


class InParts:
    """Rows are added part by part; the graph is kept when time is over, and gone on with."""

    def __init__(self, name: str) -> None:
        self.variants: Mapping[str, Mapping[str, Any]] = {name: {}}

    def build(self, rows: StoredRows, path: Path, *, until: float) -> bool:
        """Add what is missing."""
        index = self._resumed(path, rows.shape)
        for start, part in rows.pieces(_PART):
            if start < len(index):
                continue
            if time.monotonic() > until and start:
                self._keep(index, path)
                return False
            self._add(index, np.arange(start, start + len(part)), part)
        self._keep(index, path)
        return True

    def _resumed(self, path: Path, shape: tuple[int, int]) -> Any:
        raise NotImplementedError

    def _add(self, index: Any, ids: npt.NDArray[np.int64], part: npt.NDArray[np.float32]) -> None:
        raise NotImplementedError

    def _keep(self, index: Any, path: Path) -> None:
        fresh = path.with_name(f"{path.name}.new")
        self._save(index, fresh)
        fresh.replace(path)

    def _save(self, index: Any, path: Path) -> None:
        raise NotImplementedError


class Hnswlib(InParts):
    """hnswlib, float32."""

    def load(self) -> None:
        """Import it."""
        import hnswlib  # noqa: F401

    def _resumed(self, path: Path, shape: tuple[int, int]) -> Any:
        import hnswlib

        index = _Counted(hnswlib.Index(space="l2", dim=shape[1]))
        if path.is_file():
            index.load_index(str(path), max_elements=shape[0])
        else:
            index.init_index(max_elements=shape[0], ef_construction=128, M=32)
        index.set_num_threads(1)
        return index

    def _add(self, index: Any, ids: npt.NDArray[np.int64], part: npt.NDArray[np.float32]) -> None:
        index.add_items(part, ids)

    def _save(self, index: Any, path: Path) -> None:
        index.save_index(str(path))

    def open(self, path: Path, rows: StoredRows, settings: Mapping[str, Any]) -> Ask:
        """Load it."""
        import hnswlib

        index = hnswlib.Index(space="l2", dim=rows.shape[1])
        index.load_index(str(path))
        index.set_ef(128)
        index.set_num_threads(1)
        return lambda query: np.asarray(index.knn_query(query, k=TOP)[0][0], dtype=np.int64)


class _Counted:
    """hnswlib's index, which has its length by another name."""

    def __init__(self, index: Any) -> None:
        self._index = index

    def __len__(self) -> int:
        return int(self._index.get_current_count())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)


class Usearch(InParts):
    """usearch, float16."""

    def load(self) -> None:
        """Import it."""
        from usearch.index import Index  # noqa: F401

    def _new(self, dim: int) -> Any:
        from usearch.index import Index

        return Index(ndim=dim, metric="l2sq", dtype="f16", connectivity=32, expansion_add=128, expansion_search=128)

    def _resumed(self, path: Path, shape: tuple[int, int]) -> Any:
        index = self._new(shape[1])
        if path.is_file():
            index.load(str(path))
        return index

    def _add(self, index: Any, ids: npt.NDArray[np.int64], part: npt.NDArray[np.float32]) -> None:
        index.add(ids, part, threads=1)

    def _save(self, index: Any, path: Path) -> None:
        index.save(str(path))

    def open(self, path: Path, rows: StoredRows, settings: Mapping[str, Any]) -> Ask:
        """Map its file, as its own documentation advises for what is large."""
        index = self._new(rows.shape[1])
        index.view(str(path))
        return lambda query: np.asarray(index.search(query[0], TOP, threads=1).keys, dtype=np.int64)


class QdrantEdge:
    """Qdrant's engine in this process, told as vpr-qdrant tells it: int8 codes propose, and are compared again."""

    def __init__(self) -> None:
        self.variants: Mapping[str, Mapping[str, Any]] = {
            "qdrant-edge, int8 codes, re-scored": {"again": True},
            "qdrant-edge, int8 codes, as they come": {"again": False},
        }

    def _how(self) -> Any:
        from vpr_qdrant.place import Approximation

        return Approximation(quantization="int8")

    def load(self) -> None:
        """Import it."""
        import vpr_qdrant.engine  # noqa: F401

    def build(self, rows: StoredRows, path: Path, *, until: float) -> bool:
        """Insert and optimise; what an earlier try left half done is deleted."""
        import qdrant_edge as edge

        from vpr_qdrant.engine import engine_config

        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        shard = edge.EdgeShard.create(str(path), engine_config(rows.shape[1], "l2", self._how(), logged=False))
        for start, part in rows.pieces(512):
            points = [edge.Point(id=start + row, vector=vector) for row, vector in enumerate(part.tolist())]
            shard.update(edge.UpdateOperation.upsert_points(points))
        shard.optimize()
        shard.flush()
        shard.close()
        return True

    def open(self, path: Path, rows: StoredRows, settings: Mapping[str, Any]) -> Ask:
        """Load the folder."""
        import qdrant_edge as edge

        from vpr_qdrant.engine import engine_config, search_params

        how = self._how()
        shard = edge.EdgeShard.load(str(path), engine_config(rows.shape[1], "l2", how, logged=False))
        params = search_params(how) if settings["again"] else edge.SearchParams(exact=False, hnsw_ef=how.ef_search)

        def ask(query: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
            nearest = edge.Query.Nearest(query[0].tolist())
            (answer,) = shard.query_batch(
                edge.QueryBatchRequest(queries=[edge.QueryRequest(query=nearest, limit=TOP, params=params)])
            )
            return np.array([point.id for point in answer], dtype=np.int64)

        return ask


def contestants() -> Iterator[tuple[str, Contestant]]:
    """Yield name and contestant; those whose package is not installed are left out."""
    yield "flat", Ours("FlatIndex", {"flat": {}})
    yield "binary", Ours("BinaryIndex", {"binary": {}, "binary, codes alone": {"rescore": 0}})
    yield (
        "ivf_rabitq",
        Ours(
            "IVFRaBitQIndex",
            {
                "ivf_rabitq": {},
                "ivf_rabitq, 64 lists visited": {"probes": 64},
                "ivf_rabitq, 64 lists, codes alone": {"probes": 64, "rescore": 0},
            },
            lists=LISTS,
        ),
    )
    yield (
        "ivf_pq",
        Ours("IVFPQIndex", {"ivf_pq": {}, "ivf_pq, 64 lists visited": {"probes": 64}}, lists=LISTS, parts=64),
    )
    yield "ivf_sq", Ours("IVFSQIndex", {"ivf_sq, 64 lists visited": {"probes": 64}}, lists=LISTS)
    yield "hnsw", Ours("HNSWIndex", {"hnsw": {}})
    for name, package, peer in (
        ("hnswlib", "hnswlib", lambda: Hnswlib("hnswlib, M 32, ef 128")),
        ("usearch", "usearch", lambda: Usearch("usearch, float16")),
        ("qdrant", "vpr_qdrant", QdrantEdge),
    ):
        if find_spec(package) is not None:
            yield name, peer()
