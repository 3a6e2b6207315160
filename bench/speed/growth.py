"""How encoding, mining and searching grow with the number of images: 1,000, 10,000, 100,000."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from bench.speed.evaluation import write_database
from bench.speed.measure import Effort, own_memory
from bench.speed.mining import make_request, unit_rows
from bench.speed.network import FILES, REGISTRY, images_below, make_config
from bench.speed.row import Growth
from vpr_runner import assemble, extract

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["measure"]

DIM = 256
SIDE = 32  # pixels


def measure(effort: Effort) -> Iterator[Growth]:
    """Run every step at three sizes; memory is what the step needs above what was held before it."""
    sizes = (100, 200, 400) if effort.quick else (1000, 10_000, 100_000)
    yield _growth(
        "encode",
        f"JPEG {SIDE}x{SIDE} to chunk files, tiny backbone + GeM, {effort.device}",
        sizes,
        _encode(effort),
        note=f"the images are {FILES} files, each read, hashed and decoded as often as it is asked for",
    )
    yield _growth(
        "mine",
        f"an epoch of images / 20 queries, 1,000 candidates each, D={DIM}",
        sizes,
        _mine,
        note=(
            "queries grow with the images, and at 1,000 images have 500 candidates; tables of distances and positions "
            "are cut at 8 million entries"
        ),
    )
    yield _growth(
        "search",
        f"1,000 queries, exact, D={DIM}, from disk",
        sizes,
        _search(lambda _: 1000),
        note="memory is beside the mapped pages of the database, which the kernel may take back",
    )
    yield _growth(
        "search",
        f"images / 10 queries, exact, D={DIM}, from disk",
        sizes,
        _search(lambda images: max(1, images // 10)),
        expected=2.0,
        note="exact search compares every query with every image",
    )


def _growth(
    step: str,
    inputs: str,
    sizes: tuple[int, ...],
    prepare: Callable[[int, Path], Callable[[], object]],
    *,
    expected: float = 1.0,
    note: str = "",
) -> Growth:
    seconds, held = [], []
    with tempfile.TemporaryDirectory() as name:
        prepare(sizes[0], Path(name))()  # threads and allocators settle
    for images in sizes:
        with tempfile.TemporaryDirectory() as name:
            work = prepare(images, Path(name))

            def timed(work: Callable[[], object] = work) -> None:
                start = time.perf_counter()
                work()
                seconds.append(time.perf_counter() - start)

            held.append(own_memory(timed))
            del work, timed
    return Growth(step=step, inputs=inputs, images=sizes, seconds=seconds, bytes=held, expected=expected, note=note)


def _encode(effort: Effort) -> Callable[[int, Path], Callable[[], object]]:
    def prepare(count: int, root: Path) -> Callable[[], object]:
        images = images_below(root / "images", count, size=(SIDE, SIDE))
        config = make_config(
            root,
            backbone={"type": "tiny", "width": 0.25},
            pooling={"type": "gem"},
            image={"size": (SIDE, SIDE)},
            compute={"device": effort.device},
        )
        retriever = assemble(config, REGISTRY)
        return lambda: extract(retriever, images, output=root / "out", config=config, progress=False)

    return prepare


def _mine(count: int, _: Path) -> Callable[[], object]:
    from vpr_losses import HardNegatives

    cache = unit_rows(count, DIM, seed=0)
    request = make_request(max(1, count // 20), count)
    asked = cache[: len(request.queries)].clone()
    pool = min(1000, count // 2)
    return lambda: HardNegatives(pool=pool).mine(request, query_descriptors=asked, database_descriptors=cache)


def _search(queries: Callable[[int], int]) -> Callable[[int, Path], Callable[[], object]]:
    from vpr_eval import search_exact

    def prepare(count: int, root: Path) -> Callable[[], object]:
        database = write_database(root / "database.npy", rows=count, dim=DIM)
        asked = torch.nn.functional.normalize(torch.randn(queries(count), DIM), dim=1).numpy()
        return lambda: search_exact(asked, database, 20)

    return prepare
