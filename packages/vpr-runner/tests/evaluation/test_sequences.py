"""A sequence matcher in the place of the index, drive by drive; descriptors that several evaluations share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vpr_core import build_registry
from vpr_runner import assemble, evaluate
from vpr_runner.data import split_of
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.encode import encode_all
from vpr_runner.encoding.source import ImageSource
from vpr_runner.evaluation import retrieval
from vpr_runner.evaluation.decision import Decision
from vpr_runner.evaluation.memo import Memo
from vpr_runner.evaluation.some_queries import SomeQueries
from vpr_sequences.plugin import MeanConfig


@pytest.fixture(scope="module")
def registry():
    return build_registry()


@pytest.fixture
def work(make_config, engine_registry, tmp_path: Path):
    config = make_config(
        dataset={"root": str(tmp_path / "d"), "places": 15, "noise": 0.85},
        eval={"recall_at": [1, 2, 5], "bootstrap": 0},
    )
    split = split_of(config.dataset, engine_registry, name=config.eval.split)
    return assemble(config, engine_registry).eval(), split, config


def test_sequences_of_one_image_are_single_images(work, registry) -> None:
    retriever, split, config = work
    single = evaluate(retriever, split, config, registry=registry, progress=False)
    one = config.model_copy(update={"sequence": MeanConfig(length=1)})
    found = evaluate(retriever, split, one, registry=registry, progress=False)
    assert np.array_equal(found.answers.index, single.answers.index)
    np.testing.assert_allclose(found.answers.distance, single.answers.distance, atol=1e-5)
    assert found.provenance["sequence"] == {"type": "mean", "length": 1, "normalize": True}
    assert "sequence" not in single.provenance


def test_drives_are_those_that_the_data_set_names(work, registry) -> None:
    retriever, split, config = work
    five = config.model_copy(update={"sequence": MeanConfig(length=5)})
    drive = np.arange(len(split.queries)) // 4
    named = replace(
        split,
        queries=replace(split.queries, drive=drive),
        database=replace(split.database, drive=np.zeros(len(split.database), np.int64)),
    )
    found = evaluate(retriever, named, five, registry=registry, progress=False).answers
    rows = [
        encode_all(retriever, ImageSource(images), compute=Compute.of(config.compute, config.image))[0]
        for images in (split.queries, split.database)
    ]

    def means(values: np.ndarray, drives: np.ndarray) -> np.ndarray:
        out = []
        for i in range(len(values)):
            some = [j for j in range(max(0, i - 4), i + 1) if drives[j] == drives[i]]
            mean = values[some].astype(np.float64).mean(axis=0)
            out.append(mean / np.linalg.norm(mean))
        return np.array(out)

    asked, known = means(rows[0], drive), means(rows[1], np.zeros(len(rows[1])))
    order = np.argsort(((asked[:, None] - known) ** 2).sum(axis=2), axis=1, kind="stable")
    assert np.array_equal(found.index, order[:, : found.index.shape[1]])
    whole = evaluate(retriever, split, five, registry=registry, progress=False).answers
    assert not np.array_equal(whole.index, found.index), "without drives all queries are one"
    some = SomeQueries(named, np.array([5, 6, 7]))
    part = evaluate(retriever, some, five, registry=registry, progress=False).answers
    assert part.index.shape == (3, 5)
    assert some.queries.drive.tolist() == [1, 1, 1]


def test_an_unreadable_image_leaves_its_drive_and_counts_as_failed(work, registry) -> None:
    retriever, split, config = work
    split.queries.path(2).write_bytes(b"no image")
    skip = config.model_copy(
        update={
            "sequence": MeanConfig(length=3),
            "compute": config.compute.model_copy(update={"on_bad_image": "skip"}),
        }
    )
    report = evaluate(retriever, split, skip, registry=registry, progress=False)
    assert (report.counted, list(report.unreadable_queries)) == (15, [split.queries.names[2]])
    assert (report.answers.index[2] == -1).all()
    assert (report.answers.index[3] >= 0).all()


def test_descriptors_are_encoded_once_for_several_matchers(work, registry, monkeypatch: pytest.MonkeyPatch) -> None:
    retriever, split, config = work
    memo = Memo()
    first = evaluate(retriever, split, config, registry=registry, data="set", memo=memo, progress=False)
    encode = retrieval.encode_all

    def refuse(*given: object, **named: object) -> object:
        raise AssertionError("encoded again")

    monkeypatch.setattr(retrieval, "encode_all", refuse)
    again = evaluate(retriever, split, config, registry=registry, data="set", memo=memo, progress=False)
    assert np.array_equal(again.answers.index, first.answers.index)
    with pytest.raises(AssertionError, match="encoded again"):
        evaluate(retriever, split, config, registry=registry, data="another set", memo=memo, progress=False)
    monkeypatch.setattr(retrieval, "encode_all", encode)
    monkeypatch.setattr("vpr_runner.evaluation.memo.MOST", 100)
    small = Memo()
    evaluate(retriever, split, config, registry=registry, memo=small, progress=False)
    assert not small._kept


def test_recall_at_full_precision_is_what_a_threshold_accepts_before_its_first_error() -> None:
    generator = np.random.default_rng(4)
    for _ in range(50):
        size = int(generator.integers(1, 12))
        distance = generator.integers(0, 6, size).astype(np.float64)  # ties
        distance[generator.random(size) < 0.2] = np.inf
        answerable = generator.random(size) < 0.8
        right = answerable & (generator.random(size) < 0.7) & np.isfinite(distance)
        wrong = [d for d, good in zip(distance, right, strict=True) if not good]
        first_error = min(wrong, default=np.inf)
        accepted = sum(d < first_error for d, good in zip(distance, right, strict=True) if good)
        decision = Decision(distance=distance, right=right, answerable=answerable)
        wanted = accepted / answerable.sum() if answerable.any() else 0.0
        assert decision.recall_at_full_precision() == pytest.approx(wanted)
        again = Decision.from_dict(decision.as_dict())
        assert np.array_equal(again.distance, distance)
        assert again.recall_at_full_precision() == pytest.approx(wanted)
