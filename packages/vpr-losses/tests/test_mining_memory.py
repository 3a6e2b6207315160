"""Mining from a half-precision memory map as large as Pitts250k's, of which next to nothing is in memory."""

from __future__ import annotations

import mmap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from vpr_losses import HardNegatives, MiningRequest, Ragged

ROWS, DIM = 91_464, 32_768  # the training database, and the paper's dimension before whitening: 5.6 GiB of float16
STATUS = Path("/proc/self/status")
MOST = 128 * 2**20

pytestmark = pytest.mark.skipif(not STATUS.exists(), reason="memory without mapped pages is read from Linux's /proc")


def own_memory(call: Callable[[], object]) -> int:
    """Bytes that a call needs at its peak, without the pages of mapped files."""

    def held() -> int:
        line = next(line for line in STATUS.read_text(encoding="ascii").splitlines() if line.startswith("RssAnon"))
        return int(line.split()[1]) * 1024

    before, over = held(), threading.Event()
    seen = [before]

    def watch() -> None:
        while not over.wait(0.01):
            seen.append(held())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        call()
    finally:
        over.set()
        watcher.join()
    return max(seen) - before


@pytest.fixture
def database(tmp_path: Path) -> Tensor:
    """Rows of zeros that take no room: a file with a hole."""
    path = tmp_path / "cache.f16"
    with path.open("w+b") as file:
        file.truncate(2 * ROWS * DIM)
        if path.stat().st_blocks * 512 > MOST:
            pytest.skip("this file system keeps no holes")
        mapped = mmap.mmap(file.fileno(), 0)
    mapped.madvise(mmap.MADV_RANDOM)  # no reading ahead: it would fill holes by the gigabyte
    return torch.frombuffer(mapped, dtype=torch.float16).view(ROWS, DIM)


@pytest.mark.parametrize("dense", [True, False])
def test_memory_does_not_grow_with_the_cache(database: Tensor, dense: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vpr_losses.pair_distances.DENSE_ADVANTAGE", 1e9 if dense else 0)
    near = [[1000 * number, 1000 * number + 1] for number in range(4)]
    request = MiningRequest(
        queries=torch.arange(4),
        positives=Ragged.from_rows(near),
        excluded=Ragged.from_rows(near),
        database_size=ROWS,
        seed=0,
        epoch=0,
    )
    generator = torch.Generator().manual_seed(0)
    queries = torch.nn.functional.normalize(torch.randn(4, DIM, generator=generator), dim=1)
    miner = HardNegatives(pool=1000, keep=10)
    pools = [pool.tolist() for pool in miner.pools(request, range(4))]
    # The best positive lies at d^2 = 2, rows of zeros at 1, and one row beyond 4 GiB of the file at 0.
    hardest = [pool[-1] for pool in pools]
    database[hardest] = queries.half()
    database[[positive for positive, _ in near]] = queries.roll(1, 0).half()
    database[[positive for _, positive in near]] = -queries.half()
    written = {*hardest, *(position for row in near for position in row)}

    mined = []
    used = own_memory(
        lambda: mined.append(miner.mine(request, query_descriptors=queries, database_descriptors=database))
    )
    assert used < MOST
    assert mined[0].positives.flatten().tolist() == [positive for positive, _ in near]
    expected = [
        [first, *[position for position in pool if position not in written][:9]]
        for first, pool in zip(hardest, pools, strict=True)
    ]
    assert mined[0].negatives.tolist() == expected
    assert min(hardest) * DIM * 2 > 2**32
    # The meter sees what mining must not do.
    assert own_memory(lambda: database[[position for pool in pools for position in pool]].float()) > 3 * MOST
