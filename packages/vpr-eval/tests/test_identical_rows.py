"""Identical descriptors: kept once, all of them found, in the order of their numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpr_eval import BinaryIndex, FlatIndex, HNSWIndex, IVFPQIndex, IVFRaBitQIndex, IVFSQIndex, StoredRows, load_index
from vpr_eval.index.identical import IdenticalRows

RNG = np.random.default_rng(3)


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@settings(max_examples=60)
@given(st.lists(st.lists(st.integers(-3, 3), max_size=12), max_size=8))
def test_nodes_are_those_of_a_dictionary(batches):
    same, known, node_of, first, fresh_rows = IdenticalRows(), {}, [], [], []
    for batch in batches:
        rows = np.array(batch, dtype=np.float32).reshape(-1, 1) * np.ones((1, 3), dtype=np.float32)
        start = len(node_of)
        for value in batch:
            if value not in known:
                known[value] = len(known)
                first.append(len(node_of))
                fresh_rows.append(len(node_of))
            node_of.append(known[value])
        expected_fresh = [row - start for row in fresh_rows if row >= start]
        assert same.add(rows).tolist() == expected_fresh
        assert same.find(rows).tolist() == [known[value] for value in batch]
    assert (same.rows, same.nodes) == (len(node_of), len(known))
    assert same.node_of(np.arange(len(node_of))).tolist() == node_of
    assert same.first_row(np.arange(len(known))).tolist() == first
    assert same.copies.tolist() == [row for row in range(len(node_of)) if row not in first]
    again = IdenticalRows.from_arrays(same.to_arrays(), rows=len(node_of))
    assert again.node_of(np.arange(len(node_of))).tolist() == node_of
    asked = np.array([-1, *range(len(known) - 1, -1, -1)], dtype=np.int64)
    for most in (1, 2, 100):
        position, row = same.rows_of(asked, most)
        for place, node in enumerate(asked.tolist()):
            listed = sorted(row[position == place].tolist())
            assert listed == [number for number, its in enumerate(node_of) if its == node][:most]


def test_zero_has_one_sign_and_unknown_rows_have_no_node():
    same = IdenticalRows()
    assert same.add(np.array([[0.0, 1.0], [-0.0, 1.0]], dtype=np.float32)).tolist() == [0]
    assert same.find(np.array([[-0.0, 1.0], [0.0, 2.0]], dtype=np.float32)).tolist() == [0, -1]


MAKERS = {
    "hnsw": lambda **more: HNSWIndex(dim=16, **more),
    "ivf_sq": lambda **more: IVFSQIndex(dim=16, probes=100, **more),
    "ivf_sq int8": lambda **more: IVFSQIndex(dim=16, lists=8, probes=8, code="int8", **more),
    "ivf_pq": lambda **more: IVFPQIndex(dim=16, lists=8, probes=8, parts=16, **more),
    "ivf_rabitq": lambda **more: IVFRaBitQIndex(dim=16, probes=100, **more),
    "binary": lambda **more: BinaryIndex(dim=16, **more),
}


@pytest.mark.parametrize("way", ["added", "built"])
@pytest.mark.parametrize("metric", ["l2", "ip"])
@pytest.mark.parametrize("name", MAKERS)
def test_a_thousand_copies_hide_nothing_and_all_are_found(tmp_path, name, metric, way):
    places = unit(RNG.standard_normal((400, 16)))
    rows = np.concatenate([places, np.repeat(unit(np.ones((1, 16))), 1000, axis=0)])[RNG.permutation(1400)]
    one = unit(np.ones((1, 16)))
    copies = np.flatnonzero((rows == one).all(axis=1))
    index = MAKERS[name](metric=metric)
    if way == "built":
        index.build([rows[:900], rows[900:]])
    else:
        for part in np.array_split(rows, 5):
            index.add(part)
    assert len(index) == 1400
    found = index.search(one, 1100)
    assert len(set(found.distance[0, :1000].tolist())) == 1
    assert found.index[0, :1000].tolist() == copies.tolist()
    assert index.search(one, 30).index[0].tolist() == copies[:30].tolist()
    index.save(tmp_path / "index")
    again = load_index(tmp_path / "index")
    assert again.search(one, 1000).index[0].tolist() == copies.tolist()
    again.add(one)
    assert again.search(one, 1001).index[0].tolist() == [*copies.tolist(), 1400]


@pytest.mark.parametrize("name", MAKERS)
def test_nothing_but_copies(name):
    rows = np.repeat(unit(np.ones((1, 16))), 300, axis=0)
    index = MAKERS[name]()
    index.add(rows)
    found = index.search(rows[:2], 40)
    assert found.index.tolist() == [list(range(40))] * 2
    assert index.checked.stored_all == 1.0
    built = MAKERS[name]()
    built.build(rows)
    assert built.search(rows[:1], 300).index[0].tolist() == list(range(300))
    assert built.search(rows[:1], 300).distance[0].tolist() == [0.0] * 300


@pytest.mark.parametrize("copies", [0, 100, 400, 2000])
def test_nearest_as_with_exact_search_however_many_copies(copies):
    """Case 10: of 2,000 descriptors and as many copies of one, HNSW found the nearest for 47 % of the queries."""
    places = unit(RNG.standard_normal((600, 32)))
    rows = np.concatenate([places, np.repeat(unit(RNG.standard_normal((1, 32))), copies, axis=0)])
    rows = np.ascontiguousarray(rows[RNG.permutation(len(rows))])
    queries = unit(places[:100] + 0.02 * RNG.standard_normal((100, 32)))
    exact, index = FlatIndex(dim=32), HNSWIndex(dim=32)
    exact.add(rows)
    index.add(rows)
    assert (exact.search(queries, 1).index == index.search(queries, 1).index).mean() >= 0.99


def test_files_of_an_earlier_program_have_no_list_of_copies(tmp_path, monkeypatch):
    index = HNSWIndex(dim=16)
    index.add(unit(RNG.standard_normal((50, 16))))
    monkeypatch.setattr(HNSWIndex, "_arrays", lambda self: {})
    index.save(tmp_path / "index")
    monkeypatch.undo()
    again = load_index(tmp_path / "index")
    assert len(again) == 50
    rows = index._rows_of_nodes().take(np.arange(50))
    assert again.search(rows, 1).index[:, 0].tolist() == list(range(50))
    again.add(rows[:5])
    assert len(again) == 55


def test_lists_that_do_not_fit_are_refused():
    same = IdenticalRows()
    same.add(np.array([[1.0], [2.0], [1.0]], dtype=np.float32))
    good = same.to_arrays()
    for name, change in {
        "identical_keys": lambda keys: keys[:1],
        "identical_copies": lambda copies: copies + 5,
    }.items():
        with pytest.raises(ValueError, match="payload: identical_"):
            IdenticalRows.from_arrays({**good, name: change(good[name])}, rows=3)
    assert StoredRows(np.ones((2, 1), dtype=np.float32)).without(np.array([0])).shape == (1, 1)
