"""Tuples become batches in which every image stands once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vpr_runner.distributed import Ranks
from vpr_runner.training.batches import tuple_batches
from vpr_runner.training.state import MinedTuples

QUERIES = 100


def mined() -> MinedTuples:
    return MinedTuples(
        query=torch.tensor([7, 3, 9, 1, 4]),
        positives=torch.tensor([[5], [5], [6], [-1], [2]]),
        negatives=torch.tensor([[8, 9], [9, -1], [-1, -1], [3, 4], [5, 8]]),
    )


def triples(batch, images) -> list[tuple[int, list[int], list[int]]]:
    def positions(rows) -> list[int]:
        return [int(images[row]) for row in rows if row >= 0]

    rows = zip(batch.query, batch.positives, batch.negatives, strict=True)
    return [(int(images[query]), positions(p), positions(n)) for query, p, n in rows]


def test_batches_keep_places_and_leave_out_what_teaches_nothing() -> None:
    batches = list(tuple_batches(mined(), size=2, queries=QUERIES))
    assert [number for number, _ in batches] == [0, 2]  # tuples 2 (no negative) and 3 (no positive) fill batch 1
    first, last = batches[0][1], batches[1][1]
    assert first.images.tolist() == [3, 7, 105, 108, 109]
    assert triples(first, first.images) == [(7, [105], [108, 109]), (3, [105], [109])]
    assert triples(last, last.images) == [(4, [102], [105, 108])]


def test_going_on_behind_a_batch() -> None:
    whole = list(tuple_batches(mined(), size=2, queries=QUERIES))
    rest = list(tuple_batches(mined(), size=2, queries=QUERIES, first=1))
    assert [number for number, _ in rest] == [2]
    assert (rest[0][1].images == whole[1][1].images).all()


@pytest.mark.parametrize("world", [2, 3, 7])
def test_the_shares_of_processes_make_the_batch(world: int) -> None:
    generator = torch.Generator().manual_seed(world)
    tuples = MinedTuples(
        query=torch.randperm(30, generator=generator)[:9],
        positives=torch.randint(0, 40, (9, 2), generator=generator),
        negatives=torch.randint(-1, 40, (9, 4), generator=generator),
    )
    for _, batch in tuple_batches(tuples, size=5, queries=QUERIES):
        shares = [batch.share(Ranks(rank=rank, world=world)) for rank in range(world)]
        together = [triple for share in shares for triple in triples(share, share.images)]
        assert together == triples(batch, batch.images)
        for share in shares:
            used = np.concatenate([share.query.numpy(), share.positives.flatten(), share.negatives.flatten()])
            assert sorted(set(used[used >= 0].tolist())) == list(range(len(share.images)))


class SumLoss:
    """Sum over negatives of squared distances differences, so that masks matter."""

    def terms(self, query, positives, negatives, *, positive_mask, negative_mask):
        to_positive = (query[:, None] - positives).square().sum(-1).masked_fill(~positive_mask, torch.inf).amin(1)
        to_negative = (query[:, None] - negatives).square().sum(-1)
        return ((to_positive[:, None] - to_negative) * negative_mask).sum(), negative_mask.sum()


def test_terms_equal_a_loop_over_tuples() -> None:
    table = torch.randn(QUERIES + 20, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    tuples = mined()
    for number, batch in tuple_batches(tuples, size=2, queries=QUERIES):
        total, count = batch.terms(SumLoss(), table[batch.images])
        expected, violating = 0.0, 0
        for row in range(2 * number, min(2 * number + 2, 5)):
            query = table[tuples.query[row]]
            positives = [table[QUERIES + p] for p in tuples.positives[row] if p >= 0]
            best = min(float((query - p).square().sum()) for p in positives)
            for n in tuples.negatives[row]:
                if n >= 0:
                    expected += best - float((query - table[QUERIES + n]).square().sum())
                    violating += 1
        assert float(total) == pytest.approx(expected, rel=1e-12)
        assert int(count) == violating


def test_the_gradient_of_a_shared_image_is_added_up_in_one_order() -> None:
    """With several threads, fancy indexing adds it up in the order in which they come: other bits under load."""
    generator = torch.Generator().manual_seed(0)
    tuples = MinedTuples(
        query=torch.arange(4),
        positives=torch.randint(0, 8, (4, 1), generator=generator),
        negatives=torch.randint(0, 8, (4, 10), generator=generator),
    )
    ((_, batch),) = tuple_batches(tuples, size=4, queries=QUERIES)
    table = torch.randn(len(batch.images), 16384, generator=generator)
    threads = torch.get_num_threads()
    torch.set_num_threads(8)
    try:
        found = set()
        for _ in range(40):
            descriptors = table.clone().requires_grad_()
            batch.terms(SumLoss(), descriptors)[0].backward()
            found.add(descriptors.grad.numpy().tobytes())
    finally:
        torch.set_num_threads(threads)
    assert len(found) == 1
