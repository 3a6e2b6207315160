"""The contract of miners."""

from __future__ import annotations

import io
from typing import Any, ClassVar

import torch
from torch import Tensor

from vpr_core.components import ComponentConfig
from vpr_core.testing.case import Case, Contract, seeded
from vpr_core.testing.fields import check_fields_matter, digest
from vpr_core.testing.mining import Request, Scene

__all__ = ["MinerContract"]


class MinerContract(Contract):
    """A miner chooses positives and negatives from cached descriptors, and never a true match as negative.

    Attributes:
        database_size: database images of the scene it is tried on.
        query_count: queries of the scene.
    """

    kind = "miner"
    database_size: ClassVar[int] = 90
    query_count: ClassVar[int] = 12

    def miner(self, case: Case, config: ComponentConfig | None = None) -> Any:
        """Build the miner."""
        return case.build_with(config or case.config)

    def scene(self, case: Case) -> Scene:
        """The places it is tried on."""
        return Scene(database=self.option(case, "database_size"), queries=self.option(case, "query_count"))

    def mine(self, scene: Scene, miner: Any, request: Request, *, everything: bool = False) -> Any:
        """Ask for candidates, hand over their descriptors (or those of the whole database), and mine."""
        candidates = miner.candidates(request)
        rows = None if everything else candidates
        return miner.mine(
            request,
            query_descriptors=scene.query_descriptors[request.queries].clone(),
            database_descriptors=scene.database_descriptors[slice(None) if rows is None else rows].clone(),
            database_positions=rows,
        )

    def test_candidates(self, case: Case) -> None:
        """Sorted unique int64 positions inside the database."""
        scene = self.scene(case)
        got = self.miner(case).candidates(scene.request())
        case.require(
            isinstance(got, Tensor) and got.dtype == torch.int64 and got.ndim == 1,
            f"candidates must be an int64 tensor (M,), got {_what(got)}",
        )
        case.require(
            bool((got[1:] > got[:-1]).all()), "candidates must be sorted, each once; return torch.unique(positions)"
        )
        case.require(
            len(got) == 0 or (int(got[0]) >= 0 and int(got[-1]) < scene.size),
            f"candidates must lie in 0..{scene.size - 1}, got {_ends(got)}; an engine's -1 means nothing found",
        )

    def test_tuples(self, case: Case) -> None:
        """One row a query of the request; positives from its positives; negatives from outside its excluded images."""
        scene = self.scene(case)
        for seed in range(3):
            request = scene.request(seed=seed)
            self.check_tuples(case, scene, request, self.mine(scene, self.miner(case), request))

    def check_tuples(self, case: Case, scene: Scene, request: Request, got: Any) -> None:
        """Check tuples against the request."""
        count = len(request.queries)
        for name, ndim in (("query", 1), ("positives", 2), ("negatives", 2)):
            item = getattr(got, name, None)
            case.require(
                isinstance(item, Tensor) and item.dtype == torch.int64 and item.ndim == ndim and len(item) == count,
                f"tuples.{name} must be an int64 tensor with {count} rows, one a query of the request, got "
                f"{_what(item)}",
            )
        case.require(
            torch.equal(got.query, request.queries),
            "tuples.query must be request.queries, in that order; a query that teaches nothing keeps its row, with -1",
        )
        for position in range(count):
            query = int(request.queries[position])
            for name in ("positives", "negatives"):
                row = getattr(got, name)[position]
                used = row[row != -1]
                case.require(
                    bool(((used >= 0) & (used < scene.size)).all()),
                    f"query {query} has the {name} {row.tolist()}; positions lie in 0..{scene.size - 1}, and -1 pads",
                )
                case.require(
                    len(used.unique()) == len(used),
                    f"query {query} has a position twice among its {name}: {row.tolist()}",
                )
            positives = got.positives[position]
            positives = positives[positives != -1]
            allowed = request.positives.row(position)
            case.require(
                bool(torch.isin(positives, allowed).all()),
                f"query {query} got the positives {positives.tolist()}, the request allows {allowed.tolist()}",
            )
            negatives = got.negatives[position]
            for name, forbidden in (("a true match", allowed), ("an excluded image", request.excluded.row(position))):
                wrong = negatives[torch.isin(negatives, forbidden)]
                case.require(
                    len(wrong) == 0,
                    f"query {query} got {name} as negative: {wrong.tolist()}; leave out request.excluded, which holds "
                    "every "
                    "database image that may show the place",
                )

    def test_finds_something(self, case: Case) -> None:
        """Queries with positives and free database images get at least one of each."""
        scene = self.scene(case)
        got = self.mine(scene, self.miner(case), scene.request())
        usable = slice(0, scene.count - 2)
        case.require(bool((got.positives[usable] >= 0).any()), "no query got a positive, though most have some")
        case.require(bool((got.negatives[usable] >= 0).any()), "no query got a negative, though most have free images")

    def test_nothing_to_find(self, case: Case) -> None:
        """A query without positives, one with everything excluded, and no query at all."""
        scene = self.scene(case)
        got = self.mine(scene, self.miner(case), scene.request())
        case.require(bool((got.negatives[-2] == -1).all()), "with the whole database excluded a query must get -1 only")
        case.require(bool((got.positives[-1] == -1).all()), "a query without positives must get -1 only")
        empty = scene.request(torch.empty(0, dtype=torch.int64))
        case.require(len(self.mine(scene, self.miner(case), empty).query) == 0, "no queries must give no tuples")

    def test_candidates_are_enough(self, case: Case) -> None:
        """The descriptors of the candidates give what those of the whole database give."""
        scene = self.scene(case)
        few = self.mine(scene, self.miner(case), scene.request())
        many = self.mine(scene, self.miner(case), scene.request(), everything=True)
        case.require(
            _same(few, many),
            "with the descriptors of all images it chooses other tuples than with those of its candidates; use none "
            "that is "
            "not a candidate, and translate database_positions (row of the descriptor -> position in the database)",
        )

    def test_order_of_queries_does_not_matter(self, case: Case) -> None:
        """A query gets the same tuple whatever stands before it, beside it, or in another process."""
        scene = self.scene(case)
        straight = self.mine(scene, self.miner(case), scene.request())
        order = torch.randperm(scene.count, generator=torch.Generator().manual_seed(8))
        mixed = self.mine(scene, self.miner(case), scene.request(order))
        case.require(
            all(_row(straight, int(query)) == _row(mixed, row) for row, query in enumerate(order)),
            "another order of the queries gives a query other tuples; key each query's draw by (seed, epoch, query) "
            "instead "
            "of drawing one after the other",
        )
        half = torch.arange(scene.count)[::2]
        part = self.mine(scene, self.miner(case), scene.request(half))
        case.require(
            all(_row(straight, int(query)) == _row(part, row) for row, query in enumerate(half)),
            "a query gets other tuples when half of the queries are asked for, as another process would; let what it "
            "gets "
            "depend on (seed, epoch, query) alone",
        )

    def test_seed_decides(self, case: Case) -> None:
        """The same request gives the same tuples, whatever the global generator; nothing is changed in place."""
        scene = self.scene(case)
        request = scene.request(seed=5)
        kept = digest(request.queries, request.positives.values, request.excluded.values)
        first = self.mine(scene, self.miner(case), request)
        with seeded(77):
            second = self.mine(scene, self.miner(case), request)
        case.require(
            _same(first, second),
            "the same request gives other tuples the second time; draw from generators keyed by (seed, epoch, query) "
            "only",
        )
        after = digest(request.queries, request.positives.values, request.excluded.values)
        case.require(kept == after, "it changes the request's tensors; copy before writing")

    def test_state_round_trips(self, case: Case) -> None:
        """A miner that loads another's state goes on as that one does, and a state does not change afterwards."""
        scene = self.scene(case)
        miner = self.miner(case)
        for epoch in range(2):
            self.mine(scene, miner, scene.request(epoch=epoch))
        buffer = io.BytesIO()
        state = miner.state_dict()
        torch.save(state, buffer)
        before = digest(state)
        wanted = [self.mine(scene, miner, scene.request(epoch=epoch)) for epoch in (2, 3)]
        case.require(
            digest(state) == before,
            "state_dict() shares memory with the miner: mining changed it; return copies (clone())",
        )
        buffer.seek(0)
        try:
            loaded = torch.load(buffer, weights_only=True)
        except Exception as error:  # noqa: BLE001  whatever torch says of a foreign class
            case.breach(
                f"its state does not load without pickle ({error}); use tensors, numbers, text, lists and dicts"
            )
        again = self.miner(case)
        again.load_state_dict(loaded)
        got = [self.mine(scene, again, scene.request(epoch=epoch)) for epoch in (2, 3)]
        case.require(
            all(_same(a, b) for a, b in zip(wanted, got, strict=True)),
            "a miner that loads the state mines other tuples than the one it came from; put all memory in state_dict",
        )

    def test_memory_keeps_the_rules(self, case: Case) -> None:
        """What is remembered from an earlier epoch may not come back as a negative once it is excluded."""
        scene = self.scene(case)
        miner = self.miner(case)
        for epoch in range(3):
            got = self.mine(scene, miner, scene.request(epoch=epoch))
        for position in range(scene.count):
            used = got.negatives[position]
            scene.excluded[position] = torch.cat((scene.excluded[position], used[used >= 0][:2]))
        request = scene.request(epoch=3)
        self.check_tuples(case, scene, request, self.mine(scene, miner, request))

    def test_config_fields_matter(self, case: Case) -> None:
        """Each parameter changes candidates, tuples or memory."""
        check_fields_matter(case, lambda config: self.observe(case, config))

    def observe(self, case: Case, config: ComponentConfig) -> str:
        """Digest of three epochs of mining, by one miner with its memory."""
        scene = self.scene(case)
        miner = self.miner(case, config)
        seen: list[Any] = []
        for epoch in range(3):
            request = scene.request(seed=epoch % 2, epoch=epoch)
            seen.append(miner.candidates(request))
            got = self.mine(scene, miner, request)
            seen += [got.query, got.positives, got.negatives]
        return digest(*seen, miner.state_dict())


def _row(tuples: Any, position: int) -> tuple[list[int], list[int]]:
    """Positives and negatives of a row without padding, whose width may depend on the batch."""
    rows = (tuples.positives[position], tuples.negatives[position])
    first, second = ([item for item in row.tolist() if item != -1] for row in rows)
    return first, second


def _same(first: Any, second: Any) -> bool:
    return torch.equal(first.query, second.query) and all(
        _row(first, position) == _row(second, position) for position in range(len(first.query))
    )


def _what(item: object) -> str:
    return f"{item.dtype} {tuple(item.shape)}" if isinstance(item, Tensor) else type(item).__name__


def _ends(item: Tensor) -> str:
    return f"{int(item[0])}..{int(item[-1])}"
