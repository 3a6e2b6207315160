"""The published similarity matrices of ten techniques on Corridor (VPR-Bench): our numbers must be theirs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from vpr_eval import mean_average_precision, precision_recall, recall_at

DATA = Path(os.environ.get("VPR_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
FOLDER = DATA / "corridor" / "similarity"
PUBLISHED = {
    "HybridNet": (90.09, 99.10, 100, 100),
    "NetVLAD": (67.57, 93.69, 99.10, 100),
    "CoHOG": (62.16, 89.19, 93.69, 98.20),
    "HOG": (47.75, 72.07, 82.88, 89.19),
}
TECHNIQUES = (*PUBLISHED, "AMOSNet", "AlexNet_VPR", "CALC", "RegionVLAD", "ap-gem-r101", "denseVLAD")

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(
        not FOLDER.is_dir(), reason=f"{FOLDER} is not there; set VPR_DATA to the folder of the real data"
    ),
]


def load(technique):
    with np.load(FOLDER / f"corridor_{technique}.npz", allow_pickle=False) as file:
        similarity, best, score = file["similarity"], file["pred_index"], file["pred_score"]
    positives = [np.array(row) for row in json.loads((FOLDER / "corridor_gt.json").read_text())]
    return similarity, best, score, positives, np.argsort(-similarity, axis=1, kind="stable")


@pytest.mark.parametrize("technique", PUBLISHED)
def test_recall_is_what_was_published(technique):
    *_, positives, ranking = load(technique)
    result = recall_at(ranking, positives, at=(1, 5, 10, 20), database_size=111)
    assert tuple(round(100 * value, 2) for value in result.recall.values()) == PUBLISHED[technique]
    assert (result.counted, result.without_positives) == (111, 0)


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_best_matches_are_those_published(technique):
    similarity, best, score, _, ranking = load(technique)
    np.testing.assert_array_equal(ranking[:, 0], best)
    np.testing.assert_allclose(similarity.max(axis=1), score, rtol=1e-6)


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_recall_and_precision_by_counting(technique):
    similarity, best, score, positives, ranking = load(technique)
    result = recall_at(ranking, positives, at=range(1, 112))
    for at in (1, 3, 20, 111):
        hits = 0
        for query, right in enumerate(positives):
            # An image is among the first N when fewer than N beat it: ties by index.
            values = similarity[query]
            ranks = [
                np.count_nonzero(values > values[place]) + np.count_nonzero(values[:place] == values[place])
                for place in right
            ]
            hits += min(ranks) < at
        assert result.recall[at] == hits / 111
    correct = np.array([best[query] in positives[query] for query in range(111)])
    curve = precision_recall(score, correct, total=111)
    assert curve.recall[-1] == result.recall[1] == curve.precision[-1]
    highest_wrong = score[~correct].max()
    assert curve.recall_at_full_precision == np.count_nonzero(score[correct] > highest_wrong) / 111


@pytest.mark.parametrize("technique", ["NetVLAD", "HOG"])
def test_average_precision_by_walking(technique):
    *_, positives, ranking = load(technique)
    found = mean_average_precision(ranking, positives)
    for query in range(111):
        area, right, before = 0.0, 0, 1.0
        for rank, place in enumerate(ranking[query], 1):
            hit = place in positives[query]
            right += hit
            area += hit * (before + right / rank) / 2 / len(positives[query])
            before = right / rank
        assert found.per_query[query] == pytest.approx(area, abs=1e-12)
