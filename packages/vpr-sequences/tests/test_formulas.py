"""Every matcher equals the restatement of its formula, in blocks of any size, for any memory layout and dtype."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vpr_sequences.distances
from vpr_sequences import (
    DeltaDescriptors,
    ForwardFilter,
    SeqSLAM,
    SequenceConcatenation,
    SequenceMean,
    SequenceTask,
    Viterbi,
)

_spec = importlib.util.spec_from_file_location("sequence_formulas", Path(__file__).with_name("formulas.py"))
assert _spec is not None
assert _spec.loader is not None
formulas = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(formulas)

HMM = {"ratio": 7.0, "back": 1, "ahead": 3, "jump": 0.05}
PAIRS = {
    "seqslam": (
        SeqSLAM(length=4, slowest=0.5, fastest=2.0, step=0.5, contrast=5),
        formulas.seqslam(4, (0.5, 1.0, 1.5, 2.0), 5),
    ),
    "seqslam, no contrast": (
        SeqSLAM(length=3, slowest=0.0, fastest=1.0, step=0.4, contrast=0),
        formulas.seqslam(3, (0.0, 0.4, 0.8), 0),
    ),
    "mean": (SequenceMean(length=3), formulas.mean(3, True)),
    "mean, not scaled": (SequenceMean(length=50, normalize=False), formulas.mean(50, False)),
    "concatenation": (SequenceConcatenation(length=4), formulas.concatenation(4)),
    "delta": (DeltaDescriptors(length=4), formulas.delta(4, 1)),
    "delta, matched": (DeltaDescriptors(length=2, matched=3), formulas.delta(2, 3)),
    **{
        f"{task}, {fusion}": (
            SequenceTask(task=task, length=3, fusion=fusion),  # type: ignore[arg-type]
            formulas.task(task, 3, fusion),
        )
        for task in ("im2seq", "seq2im", "seq2seq")
        for fusion in ("closest", "mean")
    },
}


def as_matrix(found: Any, size: int) -> np.ndarray:
    """Costs by position, of answers that hold the whole database."""
    matrix = np.full((len(found.index), size), np.nan)
    np.put_along_axis(matrix, found.index, found.distance.astype(np.float64), axis=1)
    return matrix


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("block", [1 << 20, 60])
def test_costs_are_those_of_the_formula(name: str, block: int, drives: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vpr_sequences.distances, "BLOCK", block)  # 60: two queries at a time
    monkeypatch.setattr(vpr_sequences.distances, "IN_MEMORY", 7 * 10)  # ten database images at a time
    matcher, formula = PAIRS[name]
    queries, database, query_drive, database_drive = drives
    found = matcher.search(queries, database, query_drive=query_drive, database_drive=database_drive, k=len(database))
    wanted = formulas.costs(
        queries.astype(np.float64), query_drive.tolist(), database.astype(np.float64), database_drive.tolist(), formula
    )
    np.testing.assert_allclose(as_matrix(found, len(database)), wanted, atol=2e-6)


@pytest.mark.parametrize("best_way", [False, True])
def test_beliefs_are_those_of_the_model(best_way: bool, drives: Any) -> None:
    matcher = (Viterbi if best_way else ForwardFilter)(**HMM)  # type: ignore[arg-type]
    queries, database, query_drive, database_drive = drives
    found = matcher.search(queries, database, query_drive=query_drive, database_drive=database_drive, k=len(database))
    got = as_matrix(found, len(database))
    for number in (0, 1):
        rows = query_drive == number
        wanted = formulas.posterior(
            queries[rows].astype(np.float64),
            database.astype(np.float64),
            database_drive.tolist(),
            best_way=best_way,
            **HMM,
        )
        np.testing.assert_allclose(got[rows], wanted, rtol=1e-6)
    assert np.allclose(np.exp(-got).sum(axis=1), 1)


MATCHERS = {
    "seqslam": SeqSLAM(),
    "mean": SequenceMean(),
    "concatenation": SequenceConcatenation(),
    "delta": DeltaDescriptors(),
    "forward_filter": ForwardFilter(),
    "viterbi": Viterbi(),
    "msls": SequenceTask(),
    "msls closest": SequenceTask(fusion="closest"),
}


@pytest.mark.parametrize("name", MATCHERS)
def test_other_numbers_and_layouts_give_the_same_answers(name: str, drives: Any) -> None:
    queries, database, query_drive, database_drive = drives
    matcher = MATCHERS[name]
    wanted = matcher.search(queries, database, query_drive=query_drive, database_drive=database_drive, k=4)
    for convert in (lambda rows: rows.astype(np.float64), lambda rows: np.asfortranarray(rows)):
        found = matcher.search(
            convert(queries),
            convert(database),
            query_drive=query_drive.astype(np.int32),
            database_drive=database_drive.astype(np.int32),
            k=4,
        )
        assert np.array_equal(found.index, wanted.index)
    half = matcher.search(
        queries.astype(np.float16),
        database.astype(np.float16),
        query_drive=query_drive,
        database_drive=database_drive,
        k=1,
    )
    assert np.isfinite(half.distance).all()


@pytest.mark.parametrize("name", MATCHERS)
def test_images_without_anything_and_drives_of_one_image_are_no_error(name: str) -> None:
    """Zero rows (an empty image), all rows alike, one image a drive, one image in all."""
    matcher = MATCHERS[name]
    zeros = np.zeros((5, 3), dtype=np.float32)
    same = np.tile(np.array([1, 0, 0], dtype=np.float32), (5, 1))
    for rows in (zeros, same):
        for drive in (np.arange(5), np.zeros(5, dtype=np.int64)):
            found = matcher.search(rows, rows, query_drive=drive, database_drive=drive, k=5)
            assert np.isfinite(found.distance).all()
            if name not in ("forward_filter", "viterbi"):  # these believe that the vehicle moves on
                assert (found.index == np.arange(5)).all(), "equal costs are not in the order of positions"
    one = matcher.search(
        same[:1], same[:1], query_drive=np.zeros(1, np.int64), database_drive=np.zeros(1, np.int64), k=1
    )
    assert one.index.tolist() == [[0]]
