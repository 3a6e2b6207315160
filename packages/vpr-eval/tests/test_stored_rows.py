"""Rows of several files read as one matrix: the same answers, no second copy."""

from __future__ import annotations

import re
import tracemalloc

import numpy as np
import pytest

from vpr_eval import FlatIndex, HNSWIndex, StoredRows, load_index, search_exact

RNG = np.random.default_rng(4)
ROWS = RNG.standard_normal((200, 12)).astype(np.float32)
ROWS /= np.linalg.norm(ROWS, axis=1, keepdims=True)


def blocks(folder, dtype=np.float32, step=64):
    """Chunk files as an extraction leaves them, opened as memory maps."""
    for number, start in enumerate(range(0, len(ROWS), step)):
        np.save(folder / f"{number:06d}.npy", ROWS[start : start + step].astype(dtype))
    return [np.load(path, mmap_mode="r") for path in sorted(folder.glob("*.npy"))]


@pytest.mark.parametrize("metric", ["l2", "ip"])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("block", [None, 1, 50])
def test_chunk_files_are_searched_where_they_lie(tmp_path, metric, dtype, block):
    listed = blocks(tmp_path, dtype)
    whole = np.concatenate([np.asarray(part) for part in listed])
    expected = search_exact(ROWS[:9], whole, 7, metric=metric)
    for _ in range(2):  # the second time with the norms that the first found
        for given in (listed, StoredRows(listed)):
            found = search_exact(ROWS[:9], given, 7, metric=metric, block=block)
            np.testing.assert_array_equal(found.index, expected.index)
            np.testing.assert_array_equal(found.distance, expected.distance)


@pytest.mark.parametrize("skip", [[3], [0, 63, 64, 199], list(range(64, 128))])
def test_rows_that_are_left_out_are_not_found_and_not_read(tmp_path, skip):
    damaged = ROWS.copy()
    damaged[skip] = np.nan
    kept = np.delete(np.arange(200), skip)
    rows = StoredRows([damaged[:64], damaged[64:128], damaged[128:]], skip=skip)
    assert rows.kept.tolist() == kept.tolist()
    assert rows.shape == (200 - len(skip), 12)
    expected = search_exact(ROWS[:5], ROWS[kept], 9)
    index = FlatIndex(dim=12)
    index.build(rows)
    for found in (search_exact(ROWS[:5], rows, 9), index.search(ROWS[:5], 9), index.search(ROWS[:5], 9)):
        np.testing.assert_array_equal(found.index, expected.index)
    picked = np.array([len(kept) - 1, 0, 5, 5])
    np.testing.assert_array_equal(rows.take(picked), ROWS[kept][picked])


def test_an_index_is_built_from_them(tmp_path):
    rows = StoredRows(blocks(tmp_path), skip=[10])
    kept = np.delete(ROWS, 10, axis=0)
    for index in (FlatIndex(dim=12), HNSWIndex(dim=12)):
        index.build(rows)
        assert len(index) == 199
        assert index.search(kept[::20], 1).index[:, 0].tolist() == list(range(0, 199, 20))
        index.add(ROWS[10:11])
        assert index.search(ROWS[10:11], 1).index.tolist() == [[199]]
        with pytest.raises(ValueError, match="rows: this index holds 200 descriptors; build a new one"):
            index.build(rows)
        index.save(tmp_path / "index")
        again = load_index(tmp_path / "index")
        assert len(again) == 200
        assert again.search(ROWS[10:11], 1).index.tolist() == [[199]]
    with pytest.raises(ValueError, match="rows: dimension 12, the index has 8"):
        FlatIndex(dim=8).build(rows)


def test_no_second_copy_is_held():
    stored = [np.repeat(part, 40, axis=0) for part in np.split(ROWS, 8)]
    size = sum(part.nbytes for part in stored)
    index = FlatIndex(dim=12)
    tracemalloc.start()
    index.build(stored)
    index.search(ROWS[:2], 5)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 380_000
    assert held < 0.3 * size
    assert peak < 0.9 * size  # norms, scores of a piece


@pytest.mark.parametrize(
    ("given", "skip", "message"),
    [
        ([], (), "blocks: there is none"),
        ([ROWS, ROWS[:, :5]], (), "dimension 5, the database has 12"),
        ([ROWS], (200,), "skip: position 200, there are 200 rows"),
        ([ROWS], (-1,), "skip: position -1, there are 200 rows"),
        ([ROWS.astype(np.float64)], (), "type float64, must be float32 or float16"),
        ([[1.0, 2.0]], (), "must be a numpy array, got list"),
    ],
)
def test_what_cannot_be_rows_is_refused(given, skip, message):
    with pytest.raises((ValueError, TypeError), match=re.escape(message)):
        StoredRows(given, skip=skip)


def test_a_row_that_is_not_finite_is_named_by_its_number(tmp_path):
    damaged = ROWS.copy()
    damaged[130, 4] = np.inf
    rows = StoredRows([damaged[:64], damaged[64:]])
    with pytest.raises(ValueError, match="database: row 130 has inf in column 4"):
        search_exact(ROWS[:1], rows, 1)
    with pytest.raises(ValueError, match="database: row 130 has inf in column 4"):
        rows.norms(unit=False)
