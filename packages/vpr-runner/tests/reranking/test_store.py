"""Local features on disk and in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vpr_runner.reranking.store import FeatureStore


def test_features_that_are_put_again_count_once(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, memory=100)
    one, other = ({"keypoints": np.zeros(10, np.float32)} for _ in range(2))  # 40 bytes each
    for _ in range(3):
        store.put("1" * 64, one)
    store.put("2" * 64, other)
    assert store.get("1" * 64) is one  # what is read from the disk is another object
    assert store.get("2" * 64) is other
