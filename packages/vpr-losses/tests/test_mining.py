from __future__ import annotations

import io
import math
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vpr_losses import HardNegatives, MiningRequest, PartialNegatives, Ragged, RandomNegatives, Tuples
from vpr_losses.pair_distances import _gathered, pair_distances
from vpr_losses.sampled_products import sampled_products

DATABASE, QUERIES, DIM = 120, 15, 8


class World:
    """Descriptors and neighbourhoods: query ``q`` shows place ``4 q``; its neighbours within 1 may be positives."""

    def __init__(self, seed: int = 0, dtype: torch.dtype = torch.float32) -> None:
        generator = torch.Generator().manual_seed(seed)
        places = torch.nn.functional.normalize(torch.randn(DATABASE, DIM, generator=generator), dim=1)
        self.database = places.to(dtype)
        at = torch.arange(QUERIES) * 4
        noise = 0.25 * torch.randn(QUERIES, DIM, generator=generator)
        self.queries = torch.nn.functional.normalize(places[at] + noise, dim=1).to(dtype)

    def request(
        self, queries: list[int] | None = None, *, seed: int = 0, epoch: int = 0, part: int = 0
    ) -> MiningRequest:
        chosen = list(range(QUERIES)) if queries is None else queries
        near = [[p for p in (4 * q - 1, 4 * q, 4 * q + 1) if 0 <= p < DATABASE and q != 7] for q in chosen]
        barred = [[p for p in range(4 * q - 3, 4 * q + 4) if 0 <= p < DATABASE] for q in chosen]
        return MiningRequest(
            queries=torch.tensor(chosen, dtype=torch.int64),
            positives=Ragged.from_rows(near),
            excluded=Ragged.from_rows(barred),
            database_size=DATABASE,
            seed=seed,
            epoch=epoch,
            part=part,
        )

    def mine(self, miner: HardNegatives | PartialNegatives | RandomNegatives, request: MiningRequest) -> Tuples:
        wanted = miner.candidates(request)
        return miner.mine(
            request,
            query_descriptors=self.queries[request.queries],
            database_descriptors=self.database[wanted],
            database_positions=wanted,
        )


def squared(a: Tensor, b: Tensor) -> float:
    return sum(float(x - y) ** 2 for x, y in zip(a.double(), b.double(), strict=True))


def plain_hard_negatives(
    world: World,
    request: MiningRequest,
    pools: list[list[int]],
    memory: dict[int, list[int]],
    *,
    keep: int,
    margin: float | None,
    remember: int,
) -> tuple[list[int], list[list[int]]]:
    """The authors' procedure, one query at a time in float64; ``memory`` is updated."""
    best, chosen = [], []
    for i, query in enumerate(request.queries.tolist()):
        q = world.queries[query]
        positives = request.positives.row(i).tolist()
        if not positives:
            best.append(-1)
            chosen.append([-1] * keep)
            continue
        p = min(positives, key=lambda position: squared(q, world.database[position]))
        barred = set(request.excluded.row(i).tolist()) | set(positives)
        pool = {position for position in [*pools[i], *memory.get(query, [])] if position not in barred}
        ranked = sorted(pool, key=lambda position: (squared(q, world.database[position]), position))
        memory[query] = ranked[:remember]
        limit = math.inf if margin is None else squared(q, world.database[p]) + margin
        kept = [position for position in ranked if squared(q, world.database[position]) < limit][:keep]
        best.append(p)
        chosen.append(kept + [-1] * (keep - len(kept)))
    return best, chosen


def drawn(miner: HardNegatives, request: MiningRequest) -> list[list[int]]:
    """The random part of each query's pool: what a miner without a memory looks at."""
    fresh = HardNegatives(pool=miner.draws, keep=miner.keep, margin=miner.margin, remember=0)
    return [pool.tolist() for pool in fresh.pools(request, list(range(len(request.queries))))]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("pool", [25, 5, None])
def test_hard_negatives_equal_the_plain_procedure_over_epochs(dtype: torch.dtype, pool: int | None) -> None:
    world = World(dtype=dtype)
    miner = HardNegatives(pool=pool, keep=4, margin=0.6, remember=5)
    memory: dict[int, list[int]] = {}
    violating = 0
    for epoch in range(4):
        request = world.request(epoch=epoch)
        pools = drawn(miner, request)
        tuples = world.mine(miner, request)
        best, chosen = plain_hard_negatives(world, request, pools, memory, keep=4, margin=0.6, remember=5)
        assert tuples.positives.flatten().tolist() == best
        assert tuples.negatives.tolist() == chosen
        assert torch.equal(tuples.query, request.queries)
        violating += int((tuples.negatives >= 0).sum())
    assert 0 < violating < 4 * 4 * QUERIES, "the case must hold violating and satisfied triplets"


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    pool=st.integers(1, 130),
    keep=st.integers(1, 12),
    remember=st.integers(0, 12),
    margin=st.floats(0.0, 2.0),
)
def test_hard_negatives_equal_the_plain_procedure_for_any_parameters(
    seed: int, pool: int, keep: int, remember: int, margin: float
) -> None:
    world = World(seed, torch.float64)
    miner = HardNegatives(pool=pool, keep=keep, margin=margin, remember=remember)
    memory: dict[int, list[int]] = {}
    for epoch in range(2):
        request = world.request(seed=seed, epoch=epoch)
        pools = drawn(miner, request)
        tuples = world.mine(miner, request)
        expected = plain_hard_negatives(world, request, pools, memory, keep=keep, margin=margin, remember=remember)
        assert (tuples.positives.flatten().tolist(), tuples.negatives.tolist()) == expected


def test_mining_the_whole_database_needs_no_draw() -> None:
    world = World()
    request = world.request()
    tuples = world.mine(HardNegatives(pool=None, keep=3, margin=0.6), request)
    everything = [list(range(DATABASE))] * QUERIES
    expected = plain_hard_negatives(world, request, everything, {}, keep=3, margin=0.6, remember=10)
    assert tuples.negatives.tolist() == expected[1]
    assert torch.equal(HardNegatives(pool=None).candidates(request), torch.arange(DATABASE))


def test_the_cache_may_hold_more_than_the_candidates_or_the_whole_database() -> None:
    world = World()
    request = world.request()
    expected = world.mine(HardNegatives(pool=20), request)
    wanted = HardNegatives(pool=20).candidates(request)
    more = torch.unique(torch.cat([wanted, torch.arange(0, DATABASE, 2)]))
    for positions in (more, None):
        tuples = HardNegatives(pool=20).mine(
            request,
            query_descriptors=world.queries,
            database_descriptors=world.database if positions is None else world.database[positions],
            database_positions=positions,
        )
        assert torch.equal(tuples.negatives, expected.negatives)
        assert torch.equal(tuples.positives, expected.positives)


def test_neither_the_order_of_queries_nor_the_number_of_processes_matters() -> None:
    world = World()
    whole = [HardNegatives(pool=20), HardNegatives(pool=20)]
    order = torch.randperm(QUERIES, generator=torch.Generator().manual_seed(1)).tolist()
    for epoch in range(3):
        first = world.mine(whole[0], world.request(epoch=epoch))
        shuffled = world.mine(whole[1], world.request(order, epoch=epoch))
        assert torch.equal(shuffled.negatives, first.negatives[order])
        assert torch.equal(shuffled.positives, first.positives[order])
    halves = [HardNegatives(pool=20), HardNegatives(pool=20)]
    for epoch in range(3):
        parts = [
            world.mine(miner, world.request(list(range(rank, QUERIES, 2)), epoch=epoch))
            for rank, miner in enumerate(halves)
        ]
    again = HardNegatives(pool=20)
    for epoch in range(3):
        together = world.mine(again, world.request(epoch=epoch))
    for rank, part in enumerate(parts):
        assert torch.equal(part.negatives, together.negatives[rank::2])


def test_seed_and_epoch_change_the_draw() -> None:
    world, miner = World(), HardNegatives(pool=20, remember=0)
    pools = {
        tuple(miner.pools(world.request(seed=seed, epoch=epoch), [0])[0].tolist())
        for seed, epoch in [(0, 0), (0, 1), (1, 0), (1, 1)]
    }
    assert len(pools) == 4


def test_a_query_s_draw_is_its_own() -> None:
    pools = HardNegatives(pool=20).pools(World().request(), [3, 4])
    assert pools[0].tolist() != pools[1].tolist()


@pytest.mark.parametrize(
    "miner",
    [
        HardNegatives(pool=60, margin=4.0),
        HardNegatives(pool=None, margin=4.0),
        PartialNegatives(pool=60),
        RandomNegatives(),
    ],
    ids=["hard", "full", "partial", "random"],
)
def test_tuples_are_lawful(miner: HardNegatives | PartialNegatives | RandomNegatives) -> None:
    world = World()
    for epoch in range(3):
        request = world.request(epoch=epoch)
        tuples = world.mine(miner, request)
        assert tuples.positives.shape == (QUERIES, 1)
        assert tuples.negatives.shape == (QUERIES, 10)
        for i in range(QUERIES):
            positives, negatives = tuples.positives[i].tolist(), tuples.negatives[i].tolist()
            if i == 7:  # has no potential positive
                assert positives == [-1]
                assert negatives == [-1] * 10
                continue
            assert positives[0] in request.positives.row(i).tolist()
            assert len(set(negatives)) == 10, "a full pool gives ten different negatives"
            assert not set(negatives) & set(request.excluded.row(i).tolist())
            assert not set(negatives) & set(request.positives.row(i).tolist())
            assert min(negatives) >= 0
            assert max(negatives) < DATABASE


def test_positives_are_never_negatives_even_when_not_listed_as_excluded() -> None:
    world = World()
    request = MiningRequest(
        queries=torch.tensor([0]),
        positives=Ragged.from_rows([[0, 1]]),
        excluded=Ragged.from_rows([[]]),
        database_size=DATABASE,
        seed=0,
        epoch=0,
    )
    tuples = world.mine(HardNegatives(pool=None, keep=118, margin=4.0), request)
    assert sorted(tuples.negatives[0].tolist()) == list(range(2, DATABASE))


def test_memory_is_taken_before_the_margin_filter() -> None:
    world, miner = World(), HardNegatives(pool=50, keep=4, margin=0.0, remember=3)
    request = world.request([1])
    world.queries[1] = world.database[4]  # the positive is at distance 0: nothing can violate
    tuples = world.mine(miner, request)
    assert tuples.negatives.tolist() == [[-1] * 4]
    ranked = sorted(drawn(miner, request)[0], key=lambda p: squared(world.queries[1], world.database[p]))
    assert miner.memory_of(1, DATABASE).tolist() == ranked[:3]


def test_what_is_remembered_is_looked_at_on_the_next_visit() -> None:
    world, miner = World(), HardNegatives(pool=5, remember=4)
    world.mine(miner, world.request(epoch=0))
    remembered = miner.memory_of(2, DATABASE).tolist()
    later = world.request(epoch=1)
    assert set(remembered) <= set(miner.pools(later, [2])[0].tolist())
    assert set(remembered) <= set(miner.candidates(later).tolist())


def test_a_query_without_positives_keeps_its_memory() -> None:
    world, miner = World(), HardNegatives(pool=20)
    world.mine(miner, world.request())
    assert len(miner.memory_of(7, DATABASE)) == 0


def test_state_survives_a_checkpoint_and_the_run_goes_on_as_if_undisturbed() -> None:
    world = World()
    undisturbed, stopped = HardNegatives(pool=8), HardNegatives(pool=8)
    for epoch in range(2):
        world.mine(undisturbed, world.request(epoch=epoch))
        world.mine(stopped, world.request(epoch=epoch))
    file = io.BytesIO()
    torch.save(stopped.state_dict(), file)
    file.seek(0)
    resumed = HardNegatives(pool=8)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    for epoch in range(2, 4):
        expected = world.mine(undisturbed, world.request(epoch=epoch))
        assert torch.equal(world.mine(resumed, world.request(epoch=epoch)).negatives, expected.negatives)
    forgetful = HardNegatives(pool=8)
    assert not torch.equal(world.mine(forgetful, world.request(epoch=3)).negatives, expected.negatives)


def test_state_is_a_snapshot() -> None:
    world, miner = World(), HardNegatives(pool=8)
    world.mine(miner, world.request(epoch=0))
    state = miner.state_dict()
    before = state["memory"].clone()
    world.mine(miner, world.request(epoch=1))
    assert torch.equal(state["memory"], before)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({}, "state must have the tensor 'memory' alone"),
        ({"memory": [[1]]}, "state must have the tensor 'memory' alone"),
        ({"memory": torch.zeros(3, 4, dtype=torch.int64)}, r"memory must be int64 of shape \(queries, remember=10\)"),
        ({"memory": torch.zeros(3, 10)}, "memory must be int64"),
    ],
)
def test_another_miner_s_state_is_refused(state: Mapping[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HardNegatives().load_state_dict(state)


def test_the_memory_of_another_database_is_refused() -> None:
    miner = HardNegatives(pool=5)
    miner.load_state_dict({"memory": torch.full((QUERIES, 10), DATABASE + 3)})
    with pytest.raises(ValueError, match="belongs to another data set"):
        miner.candidates(World().request())


@pytest.mark.parametrize("miner", [PartialNegatives(), RandomNegatives()])
def test_the_others_have_no_state(miner: PartialNegatives | RandomNegatives) -> None:
    assert miner.state_dict() == {}
    miner.load_state_dict({})
    with pytest.raises(ValueError, match="keeps no state"):
        miner.load_state_dict({"memory": 1})


# --- the other miners


@pytest.mark.parametrize("margin", [None, 0.6])
def test_partial_negatives_equal_the_plain_procedure(margin: float | None) -> None:
    world, miner = World(), PartialNegatives(pool=30, keep=4, margin=margin)
    request = world.request(part=2)
    tuples = world.mine(miner, request)
    shared = [miner.shared_pool(request).tolist()] * QUERIES
    expected = plain_hard_negatives(world, request, shared, {}, keep=4, margin=margin, remember=0)
    assert tuples.positives.flatten().tolist() == expected[0]
    assert tuples.negatives.tolist() == expected[1]


def test_the_pool_is_the_part_s() -> None:
    world, miner = World(), PartialNegatives(pool=30)
    pool = miner.shared_pool(world.request(part=1))
    assert len(pool) == 30
    assert torch.equal(pool, miner.shared_pool(world.request([4, 2], part=1)))
    assert not torch.equal(pool, miner.shared_pool(world.request(part=2)))
    assert not torch.equal(pool, miner.shared_pool(world.request(part=1, epoch=1)))
    positives = world.request().positives.values
    assert len(miner.candidates(world.request(part=1))) <= len(torch.unique(positives)) + 30
    assert torch.equal(PartialNegatives(pool=None).shared_pool(world.request()), torch.arange(DATABASE))


def test_random_negatives_read_only_positives() -> None:
    world, miner = World(), RandomNegatives(keep=6)
    request = world.request()
    assert torch.equal(miner.candidates(request), torch.unique(request.positives.values))
    tuples = world.mine(miner, request)
    best, _ = plain_hard_negatives(world, request, [[]] * QUERIES, {}, keep=1, margin=0.1, remember=0)
    assert tuples.positives.flatten().tolist() == best
    again = world.mine(miner, world.request(list(reversed(range(QUERIES)))))
    assert torch.equal(again.negatives.flip(0), tuples.negatives)
    assert not torch.equal(world.mine(miner, world.request(epoch=1)).negatives, tuples.negatives)


def test_everything_excluded_leaves_no_negatives() -> None:
    world = World()
    request = MiningRequest(
        queries=torch.tensor([0]),
        positives=Ragged.from_rows([[1, 0]]),
        excluded=Ragged.from_rows([list(range(DATABASE))]),
        database_size=DATABASE,
        seed=0,
        epoch=0,
    )
    for miner in (HardNegatives(), PartialNegatives(), RandomNegatives()):
        tuples = world.mine(miner, request)
        assert tuples.positives[0, 0].item() in (0, 1)
        assert tuples.negatives.tolist() == [[-1] * 10]


def test_no_queries() -> None:
    world = World()
    for miner in (HardNegatives(), PartialNegatives(), RandomNegatives()):
        request = world.request([])
        assert len(miner.candidates(request)) == 0
        tuples = world.mine(miner, request)
        assert tuples.negatives.shape == (0, 10)


def test_equally_near_candidates_come_by_position() -> None:
    world = World()
    world.database[50:60] = world.database[50]
    request = world.request([0])
    tuples = world.mine(HardNegatives(pool=None, keep=DATABASE, margin=4.0), request)
    order = tuples.negatives[0].tolist()
    start = order.index(50)
    assert order[start : start + 10] == list(range(50, 60))


# --- distances


def test_rows_gathered_query_by_query() -> None:
    """What a device without sampled products does, here on the CPU."""
    generator = torch.Generator().manual_seed(0)
    queries, database = torch.randn(5, 9, generator=generator), torch.randn(40, 9, generator=generator).half()
    rows = torch.randint(0, 40, (5, 13), generator=generator)
    products, norms = _gathered(queries, database, rows)
    expected, lengths = sampled_products(queries, database, rows, dtype=torch.float32)
    torch.testing.assert_close(products, expected)
    torch.testing.assert_close(norms, lengths)
    for t, i in ((0, 0), (4, 12)):
        row = database[rows[t, i]].double()
        assert products[t, i].item() == pytest.approx(float(queries[t].double() @ row), rel=1e-5)
        assert norms[t, i].item() == pytest.approx(float(row @ row), rel=1e-5)


def test_sampled_products_of_few_or_repeated_pairs() -> None:
    generator = torch.Generator().manual_seed(0)
    queries, database = torch.randn(3, 9, generator=generator), torch.randn(8, 9, generator=generator)
    rows = torch.tensor([[5, 5, -1], [-1, -1, -1], [7, 0, 5]])
    products, norms = sampled_products(queries, database, rows, dtype=torch.float64)
    for t in range(3):
        for i, row in enumerate(rows[t].tolist()):
            expected = 0.0 if row < 0 else float(queries[t].double() @ database[row].double())
            assert products[t, i].item() == pytest.approx(expected, rel=1e-12, abs=1e-12)
            assert norms[t, i].item() == pytest.approx(0.0 if row < 0 else database[row].double().square().sum().item())
    for none in (rows[:, :0], torch.full((3, 2), -1)):
        assert not sampled_products(queries, database, none, dtype=torch.float32)[0].any()


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("small", [True, False])
def test_pair_distances_both_ways(
    dense: bool, dtype: torch.dtype, small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vpr_losses.pair_distances.DENSE_ADVANTAGE", 1e9 if dense else 0)
    if small:  # several blocks
        monkeypatch.setattr("vpr_losses.pair_distances._BLOCK_BYTES", 200)
        monkeypatch.setattr("vpr_losses.sampled_products._WIDTH", 4)
        monkeypatch.setattr("vpr_losses.sampled_products._CHUNK_BYTES", 100)
    generator = torch.Generator().manual_seed(0)
    queries = torch.randn(5, 9, generator=generator).to(dtype)
    database = torch.randn(40, 9, generator=generator).to(dtype)
    rows = torch.randint(-1, 40, (5, 13), generator=generator)
    result = pair_distances(queries, database, rows)
    assert result.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    for t in range(5):
        for i, row in enumerate(rows[t].tolist()):
            expected = math.inf if row < 0 else squared(queries[t], database[row])
            assert result[t, i].item() == pytest.approx(expected, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("dense", [True, False])
def test_a_half_precision_memory_map(dense: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vpr_losses.pair_distances.DENSE_ADVANTAGE", 1e9 if dense else 0)
    world = World(dtype=torch.float16)
    mapped = torch.from_file(str(tmp_path / "cache"), shared=True, size=DATABASE * DIM, dtype=torch.float16)
    mapped = mapped.view(DATABASE, DIM).copy_(world.database)
    request = world.request()
    expected = world.mine(HardNegatives(pool=20), request)
    tuples = HardNegatives(pool=20).mine(request, query_descriptors=world.queries, database_descriptors=mapped)
    assert torch.equal(tuples.negatives, expected.negatives)
    assert torch.equal(mapped, world.database)


def test_blocks_of_queries_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    whole = [world.mine(m, world.request()) for m in (HardNegatives(pool=20), PartialNegatives(), RandomNegatives())]
    monkeypatch.setattr("vpr_losses.neighbourhood._TABLE_ELEMENTS", 50)
    blocked = [world.mine(m, world.request()) for m in (HardNegatives(pool=20), PartialNegatives(), RandomNegatives())]
    for one, other in zip(whole, blocked, strict=True):
        assert torch.equal(one.negatives, other.negatives)
        assert torch.equal(one.positives, other.positives)


def test_autocast_does_not_touch_mining() -> None:
    world = World()
    expected = world.mine(HardNegatives(pool=60, margin=4.0), world.request())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        tuples = world.mine(HardNegatives(pool=60, margin=4.0), world.request())
    assert torch.equal(tuples.negatives, expected.negatives)


def test_mining_keeps_no_graph() -> None:
    world = World()
    world.queries.requires_grad_()
    tuples = world.mine(HardNegatives(pool=20), world.request())
    assert not tuples.negatives.requires_grad


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"query_descriptors": torch.zeros(3, DIM)}, r"query_descriptors must be \(15, D\), one row a query"),
        ({"database_descriptors": torch.zeros(DATABASE, 3)}, r"database_descriptors must be \(M, 8\)"),
        ({"database_descriptors": torch.zeros(5, DIM)}, "has 5 rows for a database of 120: say which"),
        (
            {"database_descriptors": torch.zeros(5, DIM), "database_positions": torch.tensor([1, 2, 3])},
            "database_positions must be 5 rising positions",
        ),
        (
            {"database_descriptors": torch.zeros(2, DIM), "database_positions": torch.tensor([2, 1])},
            "database_positions must be 2 rising positions",
        ),
        (
            {"database_descriptors": torch.zeros(2, DIM), "database_positions": torch.tensor([1, 2])},
            r"database_positions lacks \d+ positions of this request, 0 for one; encode what candidates",
        ),
        (
            {"database_descriptors": torch.zeros(0, DIM), "database_positions": torch.zeros(0, dtype=torch.int64)},
            "database_positions lacks",
        ),
    ],
)
@pytest.mark.parametrize("miner", [HardNegatives(pool=20), PartialNegatives(), RandomNegatives()])
def test_a_cache_that_does_not_fit_is_refused(
    miner: HardNegatives | PartialNegatives | RandomNegatives, change: dict[str, Tensor], message: str
) -> None:
    world = World()
    arguments = {"query_descriptors": world.queries, "database_descriptors": world.database}
    with pytest.raises(ValueError, match=message):
        miner.mine(world.request(), **(arguments | change))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_bad_descriptors_are_refused_by_row(value: float) -> None:
    world = World()
    world.database[3, 1] = value
    with pytest.raises(ValueError, match=r"database_descriptors\[3\] holds NaN or infinity"):
        world.mine(HardNegatives(pool=None), world.request())


@pytest.mark.parametrize("remember", [3, 10])
def test_mining_that_is_refused_half_way_leaves_the_memory_as_it_was(
    remember: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vpr_losses.neighbourhood._TABLE_ELEMENTS", 50)  # a query at a time
    world, miner = World(), HardNegatives(pool=20, remember=remember)
    world.mine(miner, world.request(list(range(10))))
    before = miner.state_dict()["memory"]
    spoilt = World()
    spoilt.queries[-1, 0] = math.nan  # the last query's, when all others are done
    with pytest.raises(ValueError, match="holds NaN or infinity"):
        spoilt.mine(miner, spoilt.request(epoch=1))
    assert torch.equal(miner.state_dict()["memory"], before)
    world.mine(miner, world.request(epoch=1))
    assert len(miner.state_dict()["memory"]) == QUERIES


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (HardNegatives, {"pool": 0}, "pool must be an integer of 1 or more, got 0"),
        (HardNegatives, {"keep": 0}, "keep must be an integer of 1 or more"),
        (HardNegatives, {"remember": -1}, "remember must be an integer of 0 or more, got -1"),
        (HardNegatives, {"margin": -1.0}, "margin must be a finite number of 0 or more"),
        (PartialNegatives, {"pool": 2.5}, "pool must be an integer"),
        (PartialNegatives, {"margin": math.nan}, "margin must be a finite number"),
        (RandomNegatives, {"keep": True}, "keep must be an integer"),
    ],
)
def test_constructors_refuse(kind: type, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind(**options)
