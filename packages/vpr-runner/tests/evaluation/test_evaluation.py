"""Evaluation: the protocol counted as an independent loop counts it, denominators that nothing changes."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from vpr_core import UsageError
from vpr_data import EvaluationProtocol, open_published
from vpr_eval import Neighbours, Whitening
from vpr_runner import assemble, evaluate, fit_whitening
from vpr_runner.data import split_of
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.encode import encode_all
from vpr_runner.encoding.source import ImageSource
from vpr_runner.evaluation.ranking import ranking
from vpr_runner.evaluation.some_queries import SomeQueries
from vpr_runner.training.validation import score


@pytest.fixture
def work(make_config, engine_registry, tmp_path: Path):
    config = make_config(
        dataset={"root": str(tmp_path / "d"), "places": 15, "noise": 0.85},
        eval={"recall_at": [1, 2, 5], "bootstrap": 50},
    )
    split = split_of(config.dataset, engine_registry, name=config.eval.split)
    return assemble(config, engine_registry).eval(), split, config


def descriptors(retriever, images, config) -> np.ndarray:
    return encode_all(retriever, ImageSource(images), compute=Compute.of(config.compute, config.image))[0].astype(
        np.float64
    )


def slow_recall(queries, database, positives, at, *, allowed=lambda q, d: True, group=1) -> dict[int, float]:
    hits = dict.fromkeys(at, 0)
    for q in range(len(queries)):
        order = sorted(range(len(database)), key=lambda d: (np.sum((queries[q] - database[d]) ** 2), d))
        seen, answers = set(), []
        for d in order:
            if allowed(q, d) and d // group not in seen:
                seen.add(d // group)
                answers.append(d)
        for n in at:
            hits[n] += bool(set(answers[:n]) & set(positives[q].tolist()))
    return {n: count / len(queries) for n, count in hits.items()}


def test_recall_equals_a_slow_count(work, engine_registry) -> None:
    retriever, split, config = work
    report = evaluate(retriever, split, config, registry=engine_registry, timed=True, progress=False)
    expected = slow_recall(
        descriptors(retriever, split.queries, config),
        descriptors(retriever, split.database, config),
        split.positives(),
        (1, 2, 5),
    )
    assert report.recall == expected
    assert 0 < report.recall[1] < report.recall[5]  # hard enough to tell a right count from a wrong one
    assert (report.queries, report.database, report.counted, report.without_positives) == (15, 15, 15, 0)
    for n, (low, high) in report.intervals.items():
        assert low <= report.recall[n] <= high
    assert report.dim == retriever.out_dim
    assert report.milliseconds["backbone"] > 0
    assert report.provenance["seed"] == 0
    json.dumps(report.as_dict(), allow_nan=False)


def test_groups_and_own_time_are_dropped_as_the_protocol_says(work, engine_registry) -> None:
    retriever, split, config = work
    times = np.arange(15) % 3
    split = replace(
        split,
        database=replace(split.database, time=times),
        queries=replace(split.queries, time=times[::-1].copy()),
        protocol=EvaluationProtocol(name="x", radius=60.0, group=4, ignore_same_time=True),
    )
    report = evaluate(retriever, split, config, registry=engine_registry, progress=False)
    expected = slow_recall(
        descriptors(retriever, split.queries, config),
        descriptors(retriever, split.database, config),
        split.positives(),
        (1, 2, 5),
        allowed=lambda q, d: times[::-1][q] != times[d],
        group=4,
    )
    assert report.recall == expected
    assert report.protocol == "x@60m-nms4-othertime"


def test_subsets_are_reported_beside_the_whole(work, engine_registry) -> None:
    retriever, split, config = work
    subsets = {"day": np.arange(5), "night": np.arange(5, 15)}
    report = evaluate(retriever, replace(split, subsets=subsets), config, registry=engine_registry, progress=False)
    for n in (1, 2, 5):
        parts = [report.subsets[name].recall[n] * report.subsets[name].queries for name in subsets]
        assert sum(parts) == pytest.approx(15 * report.recall[n])


def test_several_query_sets_encode_their_database_once(work, engine_registry, tmp_path: Path) -> None:
    """SF-XL, one database and four sets: each image is encoded once, and each recall is that of the set alone."""
    retriever, _, config = work
    generator = np.random.default_rng(0)
    counts = {"database": 12, "queries_v1": 3, "queries_v2": 4, "queries_night": 5, "queries_occlusion": 2}
    for folder, count in counts.items():
        (tmp_path / "processed/test" / folder).mkdir(parents=True)
        for i in range(count):
            name = f"@{550_000 + 40 * i}.00@4180000.00@10@S@@@{folder}{i}@@030@@@@2017@@.jpg"
            pixels = generator.integers(0, 256, (24, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "processed/test" / folder / name)
    encoded = []
    hook = retriever.pooling.register_forward_hook(lambda module, given, rows: encoded.append(len(rows)))
    report = evaluate(
        retriever,
        open_published("sf_xl", root=tmp_path).split("test"),
        config,
        registry=engine_registry,
        progress=False,
    )
    hook.remove()
    assert sum(encoded) == sum(counts.values())
    assert set(report.subsets) == {"v1", "v2", "night", "occlusion"}
    alone = open_published("sf_xl", root=tmp_path, queries=("night",)).split("test")
    night = evaluate(retriever, alone, config, registry=engine_registry, progress=False)
    assert night.protocol == "sf_xl-test-night@25m"
    assert report.subsets["night"].recall == night.recall


def test_unreadable_images_never_change_the_denominator(work, engine_registry, make_config) -> None:
    retriever, split, config = work
    before = evaluate(retriever, split, config, registry=engine_registry, progress=False)
    found = int(np.flatnonzero(before.first_hits == 1)[0])
    split.queries.path(found).write_bytes(b"")
    other = (found + 1) % 15
    split.database.path(other).write_bytes(b"")
    blocks = {"dataset": {"root": config.dataset.root, "places": 15, "noise": 0.85}, "eval": {"recall_at": [1, 15]}}
    skipping = make_config(**blocks, compute={"on_bad_image": "skip"})
    report = evaluate(retriever, split, skipping, registry=engine_registry, progress=False)
    assert (report.counted, report.queries, report.database) == (15, 15, 15)
    assert report.first_hits[found] == 0
    assert report.first_hits[other] == 0  # its only right image cannot be found
    assert list(report.unreadable_queries) == [split.queries.names[found]]
    assert list(report.unreadable_database) == [split.database.names[other]]
    assert report.recall[15] == pytest.approx(13 / 15)


def test_queries_without_positives_are_counted_or_left_out_and_all_without_is_an_error(work, engine_registry) -> None:
    retriever, split, config = work
    far = split.queries.xy.copy()
    far[:3] += 10_000
    some = replace(split, queries=replace(split.queries, xy=far))
    report = evaluate(retriever, some, config, registry=engine_registry, progress=False)
    assert (report.counted, report.without_positives) == (15, 3)
    excluded = replace(some, protocol=replace(split.protocol, queries_without_positives="exclude"))
    report = evaluate(retriever, excluded, config, registry=engine_registry, progress=False)
    assert (report.counted, report.without_positives) == (12, 3)
    none = replace(split, queries=replace(split.queries, xy=split.queries.xy + 10_000))
    with pytest.raises(UsageError, match=r"none of the 15 queries of split 'test' has a right .* dots-test@25m"):
        evaluate(retriever, none, config, registry=engine_registry, progress=False)


@pytest.mark.parametrize("role", ["database", "queries"])
def test_an_empty_set_is_an_error(work, engine_registry, role: str) -> None:
    retriever, split, config = work
    empty = replace(split, **{role: getattr(split, role).select([])})
    with pytest.raises(UsageError, match=f"the {role} of split 'test' is empty"):
        evaluate(retriever, empty, config, registry=engine_registry, progress=False)


def test_more_asked_for_than_there_are(work, engine_registry, make_config) -> None:
    retriever, split, config = work
    blocks = {"dataset": {"root": config.dataset.root, "places": 15, "noise": 0.85}}
    report = evaluate(
        retriever, split, make_config(**blocks, eval={"recall_at": [1, 100]}), registry=engine_registry, progress=False
    )
    assert report.recall[100] == 1.0


def test_whitening_as_a_layer_equals_whitening_of_arrays(work, engine_registry, make_config) -> None:
    retriever, split, config = work
    rows = descriptors(retriever, split.database, config).astype(np.float32)
    fitted = Whitening.fit(rows, dim=6)
    by_arrays = evaluate(retriever, split, config, registry=engine_registry, whitening=fitted, progress=False)
    blocks = {"dataset": {"root": config.dataset.root, "places": 15, "noise": 0.85}}
    whitened = make_config(**blocks, whiten={"dim": 6, "images": 15}, eval={"recall_at": [1, 2, 5]})
    compute = Compute.of(config.compute, config.image)
    retriever.whitening = fit_whitening(retriever, split.database, whitened.whiten, seed=whitened.seed, compute=compute)
    layer = encode_all(retriever, ImageSource(split.database), compute=compute)[0]
    np.testing.assert_allclose(layer, fitted.transform(rows), atol=1e-4)
    by_layer = evaluate(retriever, split, whitened, registry=engine_registry, progress=False)
    assert by_layer.recall == by_arrays.recall
    assert by_layer.dim == by_arrays.dim == 6


class Fixed:
    """A search with a given order that counts how often and how deep it was asked."""

    def __init__(self, order: np.ndarray) -> None:
        self.order, self.asked = order, []

    def __call__(self, k: int) -> Neighbours:
        self.asked.append(k)
        index = np.ascontiguousarray(self.order[:, :k])
        return Neighbours(np.broadcast_to(np.arange(k, dtype=np.float32), index.shape).copy(), index)


def test_ranking_fetches_until_rows_are_full() -> None:
    class Split:
        protocol = EvaluationProtocol(name="x", radius=1)

        def ignored(self, answers):
            return answers < 90  # the ninety nearest are the query's own visit

        def groups(self):
            raise AssertionError("no group in this protocol")

    search = Fixed(np.arange(100)[None])
    assert ranking(search, Split(), size=100, depth=3).index.tolist() == [[90, 91, 92]]
    assert search.asked == [3, 12, 48, 100]
    found = ranking(Fixed(np.arange(100)[None]), Split(), size=100, depth=12)
    assert found.index.tolist() == [[*range(90, 100), -1, -1]]


def test_some_queries_answer_as_the_whole_does(work) -> None:
    _, split, _ = work
    times = np.arange(15) % 4
    protocol = replace(split.protocol, ignore_same_time=True, radius=100.0)
    split = replace(
        split,
        database=replace(split.database, time=times),
        queries=replace(split.queries, time=times),
        protocol=protocol,
    )
    where = np.array([2, 7, 11])
    some = SomeQueries(split, where)
    answers = np.random.default_rng(0).integers(-1, 15, (15, 6))
    assert (some.ignored(answers[where]) == split.ignored(answers)[where]).all()
    for row, query in enumerate(where):
        assert some.positives()[row].tolist() == split.positives()[int(query)].tolist()
        assert some.queries.path(row) == split.queries.path(int(query))


def test_ties_of_validation_go_downwards_then_upwards() -> None:
    recall = {n: n / 100 for n in (1, 2, 3, 4, 5, 10, 20)}
    assert score(recall, 5) == [0.05, 0.04, 0.03, 0.02, 0.01, 0.10, 0.20]
    assert score({**recall, 4: 0.045}, 5) > score(recall, 5)
    assert score({**recall, 20: 0.9}, 5) > score(recall, 5)
    assert score({**recall, 5: 0.051, 4: 0.0}, 5) > score({**recall, 4: 0.045}, 5)


def test_a_copy_of_the_data_elsewhere_gives_the_same(work, engine_registry, tmp_path: Path) -> None:
    retriever, split, config = work
    shutil.copytree(config.dataset.root, tmp_path / "copy")
    elsewhere = replace(
        split,
        database=replace(split.database, root=tmp_path / "copy"),
        queries=replace(split.queries, root=tmp_path / "copy"),
    )
    with torch.no_grad():
        a, b = (
            evaluate(retriever, each, config, registry=engine_registry, progress=False) for each in (split, elsewhere)
        )
    assert (a.first_hits == b.first_hits).all()


def test_positions_that_look_wrong_are_remarked_on(work, engine_registry, caplog) -> None:
    """Latitude and longitude of one database image swapped: nothing is out of range, and recall would only be lower."""
    from types import SimpleNamespace

    from vpr_runner.data import split_named

    _, split, _ = work

    def opened(split: Any) -> str:
        caplog.clear()
        split_named(SimpleNamespace(split_names=["test"], split=lambda name: split), "test", purpose="this")
        return caplog.text

    assert opened(split) == ""
    far = split.database.xy.copy()
    far[0] += 4e6
    assert "split 'test': positions spread over 4,0" in opened(replace(split, database=replace(split.database, xy=far)))
    assert "15 queries are in the database too, and will find themselves" in opened(
        replace(split, queries=split.database)
    )
