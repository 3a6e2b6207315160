"""Evaluation with a re-ranker: recall before and after, descriptors and positions told apart, features kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vpr_core import UsageError
from vpr_eval import Neighbours, recall_at
from vpr_rerank import AlphaQueryExpansion, DenseMatcher
from vpr_runner import assemble, evaluate
from vpr_runner.cli.report import as_text
from vpr_runner.data import split_of
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.encode import encode_all
from vpr_runner.encoding.source import ImageSource
from vpr_runner.evaluation.benchmark import evaluate_benchmark
from vpr_runner.reranking.store import FeatureStore


@pytest.fixture
def work(make_config: Any, engine_registry: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("VPR_CACHE", str(tmp_path / "cache"))

    def make(**rerank: Any) -> Any:
        config = make_config(
            dataset={"root": str(tmp_path / "d"), "places": 15, "noise": 0.85},
            eval={"recall_at": [1, 2, 5]},
            compute={"on_bad_image": "skip"},
            rerank=rerank,
        )
        split = split_of(config.dataset, engine_registry, name=config.eval.split)
        return assemble(config, engine_registry).eval(), split, config

    return make


@pytest.mark.parametrize("broken", [False, True])
def test_recall_before_and_after(work: Any, engine_registry: Any, broken: bool) -> None:
    retriever, split, config = work(type="query_expansion", neighbours=3, alpha=1, first=9)
    lost = 4
    if broken:  # rows of descriptors are no positions any more
        split.database.path(lost).write_bytes(b"no image")
        split.queries.path(1).write_bytes(b"no image")
    report = evaluate(retriever, split, config, registry=engine_registry, progress=False)
    plain = evaluate(
        retriever, split, config.model_copy(update={"rerank": None}), registry=engine_registry, progress=False
    )
    assert plain.reordered is None
    assert report.reordered is not None
    assert report.reordered.before == plain.recall
    compute = Compute.of(config.compute, config.image)
    queries, database = (
        encode_all(retriever, ImageSource(images), compute=compute)[0] for images in (split.queries, split.database)
    )
    there = np.setdiff1d(np.arange(len(database)), [lost] if broken else [])
    index = np.full((len(queries), 5), -1)
    for row in range(len(queries)):
        if broken and row == 1:
            continue
        near = there[np.argsort(np.linalg.norm(queries[row] - database[there], axis=1), kind="stable")][:9]
        given = Neighbours(np.zeros((1, 9), np.float32), near[None])
        index[row] = (
            AlphaQueryExpansion(neighbours=3, alpha=1).reorder(queries[row : row + 1], database, given).index[0, :5]
        )
    assert report.recall == recall_at(index, split.positives(), at=(1, 2, 5)).recall
    said = json.loads(json.dumps(report.as_dict()))["reordered"]
    assert said["difference"]["1"]["mean"] == pytest.approx(report.recall[1] - plain.recall[1])
    assert said["bytes_an_image"] is None
    assert "re-ranked by query_expansion, the first 9 answers" in as_text(report)
    assert report.provenance["rerank"]["neighbours"] == 3


def test_local_features_are_computed_once_an_image(
    work: Any, engine_registry: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    retriever, split, config = work(type="dense", patches=[1, 2], weights=[1.0, 1.0], first=4)
    first = evaluate(retriever, split, config, registry=engine_registry, progress=False)
    kept = sorted((tmp_path / "cache" / "local-features").rglob("*.npz"))
    assert kept
    assert first.reordered is not None
    assert first.reordered.scored == 4
    assert first.reordered.bytes_an_image > 0
    kept[0].write_bytes(kept[0].read_bytes()[:-40])
    kept[1].write_bytes(b"")
    counted: list[int] = []
    plain = DenseMatcher.features
    monkeypatch.setattr(DenseMatcher, "features", lambda self, source: (counted.append(1), plain(self, source))[1])
    again = evaluate(retriever, split, config, registry=engine_registry, progress=False)
    assert len(counted) == 2  # the two that were damaged
    assert np.array_equal(again.answers.index, first.answers.index)
    assert np.array_equal(again.answers.distance, first.answers.distance)
    other = config.model_copy(update={"rerank": config.rerank.model_copy(update={"patches": (1,), "weights": (1.0,)})})
    evaluate(retriever, split, other, registry=engine_registry, progress=False)
    assert len(counted) == 2 + len(kept)  # other parameters, other features


def test_rootsift_sees_the_images_as_they_are_encoded(work: Any, engine_registry: Any) -> None:
    pytest.importorskip("cv2", reason="OpenCV is not installed (extra opencv)")
    retriever, split, config = work(type="rootsift", first=3)
    report = evaluate(retriever, split, config, registry=engine_registry, progress=False)
    assert report.reordered.scored == 3
    assert (report.answers.distance[:, 0] <= 0).all()  # minus the inliers


def test_what_cannot_be_written_is_held_in_memory(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    store = FeatureStore(tmp_path / "file" / "below", memory=100)
    store.put("aa", {"x": np.zeros(20, np.float32)})
    store.put("bb", {"x": np.ones(20, np.float32)})  # 80 bytes each: one of them is held
    assert store.get("bb")["x"].tolist() == [1.0] * 20  # type: ignore[index]
    assert "local features are not kept" in caplog.text
    whole = FeatureStore(tmp_path / "there", memory=100)
    whole.put("aa", {"x": np.zeros(20, np.float32), "empty": np.zeros((0, 2))})
    whole.put("bb", {"x": np.ones(20, np.float32)})
    assert whole.get("aa")["empty"].shape == (0, 2)  # type: ignore[index]
    assert whole.get("cc") is None


def test_retrieval_benchmarks_refuse_it(work: Any) -> None:
    retriever, _, config = work(type="query_expansion")
    with pytest.raises(UsageError, match="rerank=null"):
        evaluate_benchmark(retriever, None, config)  # type: ignore[arg-type]


@pytest.mark.parametrize("block", ["rerank", "sequence"])
def test_several_views_of_a_query_are_refused_before_anything_is_encoded(
    work: Any, engine_registry: Any, monkeypatch: pytest.MonkeyPatch, block: str
) -> None:
    retriever, split, config = work(type="query_expansion")
    if block == "sequence":
        spec = engine_registry.get("sequence", "mean")
        config = config.model_copy(update={"rerank": None, "sequence": spec.config(type="mean")})
    method = config.eval.model_copy(update={"test_method": "nearest_crop"})
    monkeypatch.setattr("vpr_runner.evaluation.retrieval.encode_all", lambda *_, **__: pytest.fail("encoded"))
    with pytest.raises(UsageError, match=rf"{block}: .* leave out eval\.test_method"):
        evaluate(retriever, split, config.model_copy(update={"eval": method}), registry=engine_registry, progress=False)
