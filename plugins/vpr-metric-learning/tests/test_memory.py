"""The memory: what is remembered, what it is compared with, and that it survives a stop."""

from __future__ import annotations

import io
from collections import deque

import pytest
import torch

from vpr_metric_learning import CrossBatchMemory, contrastive, multi_similarity


def batches(count: int, size: int = 6, dim: int = 5):
    generator = torch.Generator().manual_seed(0)
    for _ in range(count):
        yield torch.randn(size, dim, generator=generator), torch.randint(0, 4, (size,), generator=generator)


@pytest.mark.parametrize("size", [4, 6, 15, 100])
@pytest.mark.parametrize("start", [0, 2])
def test_each_value_is_the_batchs_and_that_of_the_last_rows_before(size: int, start: int) -> None:
    memory = CrossBatchMemory(loss=multi_similarity(), size=size, weight=0.5, start=start)
    rows: deque = deque(maxlen=size)
    counted = 0
    for number, (x, places) in enumerate(batches(6)):
        wanted = multi_similarity()(x, places)
        if rows and number >= start:
            y, y_places = torch.stack([row for row, _ in rows]), torch.stack([place for _, place in rows])
            wanted = wanted + 0.5 * multi_similarity().against(x, places, y, y_places)
            counted += 1
        torch.testing.assert_close(memory(x, places), wanted)
        rows.extend(zip(x, places, strict=True))
    assert counted == (5 if start == 0 else 4)
    assert len(memory.places) == min(size, 36)


def test_the_memory_passes_no_gradient() -> None:
    memory = CrossBatchMemory(loss=contrastive(), size=100)
    first, second = batches(2)
    old = first[0].requires_grad_()
    memory(old, first[1])
    new = second[0].requires_grad_()
    value = memory(new, second[1])
    gradients = torch.autograd.grad(value, [old, new], allow_unused=True)
    assert gradients[0] is None
    assert gradients[1].abs().sum() > 0


def test_a_stop_between_two_batches_changes_nothing() -> None:
    def run(*, stop_after: int | None) -> list[float]:
        memory, values = CrossBatchMemory(loss=contrastive(), size=10, start=1), []
        for number, (x, places) in enumerate(batches(5)):
            values.append(float(memory(x, places)))
            if number == stop_after:
                buffer = io.BytesIO()
                torch.save(memory.state_dict(), buffer)
                buffer.seek(0)
                memory = CrossBatchMemory(loss=contrastive(), size=10, start=1)
                memory.load_state_dict(torch.load(buffer, weights_only=True))
        return values

    undisturbed = run(stop_after=None)
    for number in range(4):
        assert run(stop_after=number) == undisturbed


def test_half_precision_is_remembered_in_float32() -> None:
    memory = CrossBatchMemory(loss=contrastive(), size=10)
    for x, places in batches(2):
        assert torch.isfinite(memory(x.bfloat16(), places))
    assert memory.descriptors.dtype == torch.float32


def test_a_batch_with_nan_is_not_remembered() -> None:
    memory = CrossBatchMemory(loss=contrastive(), size=10)
    (x, places), (bad, bad_places) = batches(2)
    memory(x, places)
    before = {name: value.clone() for name, value in memory.state_dict().items()}
    assert torch.isnan(memory(bad * torch.nan, bad_places))
    assert all(torch.equal(before[name], value) for name, value in memory.state_dict().items())


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="size must be at least 1, got 0"):
        CrossBatchMemory(loss=contrastive(), size=0)
    memory = CrossBatchMemory(loss=contrastive())
    x, places = next(batches(1))
    memory(x, places)
    with pytest.raises(ValueError, match="must have the memory's dimension 5, got 4"):
        memory(x[:, :4], places)
