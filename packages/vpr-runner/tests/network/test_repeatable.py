"""The same step has the same bits however many threads share it and whichever of them is late."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest
import torch

from vpr_runner.encoding.cache import descriptor_rows
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.source import Batch
from vpr_runner.network.assembly import assemble
from vpr_runner.training.batches import tuple_batches
from vpr_runner.training.state import MinedTuples, make_optimizer
from vpr_runner.training.steps import Stepper

REPEATS = 8


@pytest.fixture
def more_threads_than_cores() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(8)
    yield
    torch.set_num_threads(before)


def tuple_losses() -> list[str]:
    from vpr_core import build_registry

    return [spec.name for spec in build_registry().specs("loss") if spec.supervision == "tuples"]


@pytest.mark.usefixtures("more_threads_than_cores")
@pytest.mark.parametrize("loss", tuple_losses())
def test_a_step_ends_with_the_same_bits_every_time(make_config, engine_registry, loss: str) -> None:
    pooling = {"type": "netvlad", "num_clusters": 64}  # long enough descriptors for threads to share them out
    config = make_config(loss={"type": loss}, pooling=pooling, compute={"threads": None})
    network, terms = assemble(config, engine_registry), engine_registry.build("loss", config.loss)
    draw = torch.Generator().manual_seed(1)
    mined = MinedTuples(
        query=torch.arange(4),
        positives=torch.randint(0, 6, (4, 1), generator=draw),
        negatives=torch.randint(6, 12, (4, 10), generator=draw),
    )
    ((_, batch),) = tuple_batches(mined, size=4, queries=4)
    images = torch.randint(0, 256, (len(batch.images), 3, 32, 40), generator=draw, dtype=torch.uint8)

    results = set()
    for _ in range(REPEATS):
        copied = copy.deepcopy(network).train()
        stepper = Stepper(
            optimizer=make_optimizer(copied, config.train),
            compute=Compute(device=torch.device("cpu")),
        )
        inputs = [Batch(np.arange(len(images)), images)]
        _, count = stepper.step(copied, inputs, partial(batch.terms, terms), seed=0)
        assert count > 0  # else nothing would have been added up
        results.add(b"".join(value.numpy().tobytes() for value in copied.state_dict().values()))
    assert len(results) == 1


def test_descriptors_begin_at_the_same_place_of_a_cache_line(tmp_path) -> None:
    for count in range(1, 9):
        rows = descriptor_rows(count, 24, file=tmp_path / "unused")
        assert rows.ctypes.data % 64 == 0
