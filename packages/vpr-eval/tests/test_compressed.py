"""Compressed kinds: what they code, what the originals mend, and what they say of themselves."""

from __future__ import annotations

import hashlib
import json
import logging
import re

import faiss
import numpy as np
import pytest

from vpr_eval import (
    BinaryIndex,
    FlatIndex,
    HNSWIndex,
    IVFPQIndex,
    IVFRaBitQIndex,
    IVFSQIndex,
    SelfCheck,
    StoredRows,
    load_index,
    read_index_header,
    search_exact,
)
from vpr_eval.index import ivf_rabitq
from vpr_eval.index.rotation import Rotation

RNG = np.random.default_rng(12)


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def places(count=1500, dim=64):
    """Descriptors as they come: not negative, a common part, four views of a place."""
    rows = np.repeat(RNG.standard_normal((count // 4, 12)), 4, axis=0) @ RNG.standard_normal((12, dim))
    return unit(np.maximum(rows + RNG.standard_normal((count, dim)) + 1.5, 0))


ROWS = places()
QUERIES = unit(ROWS[::30] + 0.02 * np.abs(RNG.standard_normal((50, 64))))
MAKERS = {
    "ivf_sq": lambda **more: IVFSQIndex(dim=64, code="int8", probes=38, **more),
    "ivf_pq": lambda **more: IVFPQIndex(dim=64, parts=8, probes=38, **more),
    "ivf_rabitq": lambda **more: IVFRaBitQIndex(dim=64, probes=38, **more),
    "binary": lambda **more: BinaryIndex(dim=64, **more),
}


@pytest.mark.parametrize("metric", ["l2", "ip"])
@pytest.mark.parametrize("name", MAKERS)
def test_originals_mend_what_codes_lose(name, metric):
    truth = search_exact(QUERIES, ROWS, 10, metric=metric)
    plain, rescored = MAKERS[name](metric=metric, rescore=0), MAKERS[name](metric=metric, rescore=400)
    for index in (plain, rescored):
        index.build([ROWS[:700], ROWS[700:]], queries=QUERIES)
    codes, mended = plain.search(QUERIES, 10), rescored.search(QUERIES, 10)
    share = [(found.index[:, :, None] == truth.index[:, None, :]).any(axis=2).mean() for found in (codes, mended)]
    assert share[1] >= max(share[0], 0.97)
    hit = mended.index == truth.index
    np.testing.assert_array_equal(mended.distance[hit], truth.distance[hit])
    # Without originals distances are estimates, near enough to be told.
    true = np.stack(
        [
            search_exact(q[None], ROWS[i], 10, metric=metric).distance[0]
            for q, i in zip(QUERIES, codes.index, strict=True)
        ]
    )
    assert np.abs(np.sort(codes.distance) - true).mean() < 0.15
    assert rescored.checked.queries_all == pytest.approx(share[1])
    assert rescored.checked.queries == 50


@pytest.mark.parametrize("name", MAKERS)
def test_originals_may_come_later_and_grow_with_the_index(tmp_path, name):
    built = MAKERS[name](rescore=200)
    built.build(ROWS)
    built.save(tmp_path / "index")
    again = load_index(tmp_path / "index")
    before = again.search(QUERIES, 5)
    again.attach(ROWS)
    after = again.search(QUERIES, 5)
    expected = built.search(QUERIES, 5)
    np.testing.assert_array_equal(after.index, expected.index)
    np.testing.assert_array_equal(after.distance, expected.distance)
    assert (before.distance != after.distance).any()
    again.add(QUERIES[:3])
    assert again.search(QUERIES[:3], 1).index[:, 0].tolist() == [1500, 1501, 1502]
    assert again.search(QUERIES[:3], 1).distance.tolist() == [[0.0]] * 3
    with pytest.raises(ValueError, match=r"rows: shape \(1500, 64\), the index holds \(1503, 64\)"):
        again.attach(ROWS)


def test_other_rows_are_refused():
    index = BinaryIndex(dim=64)
    index.add(ROWS)
    index.attach(ROWS)
    for other in (ROWS[::-1].copy(), ROWS + np.float32(1e-4), np.roll(ROWS, 1, axis=0)):
        with pytest.raises(ValueError, match="rows: others than the index was made of"):
            index.attach(other)


def test_half_precision_files_are_originals_as_well():
    half = ROWS.astype(np.float16)
    index = IVFPQIndex(dim=64, parts=8, rescore=300)
    index.build(half)
    truth = search_exact(QUERIES, half, 5)
    found = index.search(QUERIES, 5)
    assert (found.index == truth.index).mean() > 0.95
    with pytest.raises(ValueError, match="rows: others"):
        index.attach(ROWS)


def test_signs_are_those_of_the_centred_descriptor():
    index = BinaryIndex(dim=11, rescore=0)
    rows = np.abs(RNG.standard_normal((300, 11))).astype(np.float32)
    index.build(rows)
    mean = np.array([sum(column.tolist()) / 300 for column in rows.T.astype(np.float64)])
    codes = rows > mean
    queries = np.abs(RNG.standard_normal((20, 11))).astype(np.float32)
    for query, node in zip(queries, index._propose(queries, None, 300)[1], strict=True):
        bits = ((query > mean) != codes).sum(axis=1)
        assert node.tolist() == np.lexsort((np.arange(300), bits)).tolist()  # ties by number, whatever the engine


def test_without_a_centre_descriptors_that_are_not_negative_would_be_one():
    index = BinaryIndex(dim=64, rescore=0)
    index.build(ROWS)
    assert (ROWS >= 0).all()
    assert index.checked.stored_all > 0.3  # one bit a dimension of 64; without the mean all would tie
    zero = BinaryIndex(dim=64, rescore=0)
    zero._mean = np.full(64, -1.0)
    zero.add(ROWS)
    zero.attach(ROWS)
    assert zero.check().stored_all < 0.05


def test_principal_components_need_the_rotation():
    rows = unit(np.repeat(RNG.standard_normal((500, 128)), 2, axis=0) + 0.7 * RNG.standard_normal((1000, 128)))
    rows = unit(rows * np.arange(1, 129) ** -1.0)
    shares = {}
    for rotate in (False, True):
        index = BinaryIndex(dim=128, rescore=0, rotate=rotate)
        index.build(rows)
        shares[rotate] = index.checked.stored_all
    assert shares[True] > shares[False] + 0.05


@pytest.mark.parametrize("dim", [1, 2, 3, 16, 37, 100, 512])
def test_the_rotation_is_one(dim):
    rotation = Rotation(dim=dim, seed=5)
    eye = rotation(np.eye(dim, dtype=np.float32)).astype(np.float64)
    np.testing.assert_allclose(eye @ eye.T, np.eye(dim), atol=2e-6)
    rows = RNG.standard_normal((700, dim)).astype(np.float32)
    turned = rotation(rows)
    np.testing.assert_allclose(turned, rows.astype(np.float64) @ eye, atol=1e-5 * dim**0.5)
    alone = np.concatenate([rotation(row[None]) for row in rows[:40]])
    np.testing.assert_array_equal(alone, turned[:40])  # not a bit depends on the company
    if dim >= 16:
        spread = np.abs(rotation(np.eye(dim, dtype=np.float32)[:1]))
        assert spread.max() < 0.8  # one dimension is shared out over many


def test_a_faiss_without_rabitq_is_named(monkeypatch):
    monkeypatch.delattr(ivf_rabitq.faiss, "IndexIVFRaBitQ")
    with pytest.raises(ImportError, match=r"ivf_rabitq needs faiss 1\.11 or later, .* is installed"):
        IVFRaBitQIndex(dim=8)


@pytest.mark.parametrize(
    ("value", "fits"), [(65504.0, True), (65519.9, False), (-65520.0, False), (1e5, False), (-65504.0, True)]
)
def test_what_half_precision_cannot_hold_is_refused(value, fits):
    """Case 21: every search found nothing, without a word."""
    rows = RNG.standard_normal((60, 16)).astype(np.float32)
    rows[41, 7] = value
    for fill in ("add", "build"):
        index = IVFSQIndex(dim=16, lists=2, probes=2)
        if fits:
            getattr(index, fill)(rows)
            assert index.search(rows[41:42], 1).index.tolist() == [[41]]
            continue
        with pytest.raises(ValueError, match=r"descriptors: row 41 has -?\d.* in column 7 \(1 of 60 rows\), and half"):
            getattr(index, fill)(rows)
        assert len(index) == 0
    for other in (IVFSQIndex(dim=16, code="int8"), HNSWIndex(dim=16), FlatIndex(dim=16)):
        other.add(rows)
        assert other.search(rows[41:42], 1).index.tolist() == [[41]]


def test_later_rows_are_looked_at_too():
    index = IVFSQIndex(dim=4, lists=1)
    index.add(np.eye(4, dtype=np.float32).repeat(20, axis=0) + RNG.standard_normal((80, 4)).astype(np.float32))
    index.search(np.eye(4, dtype=np.float32), 1)
    with pytest.raises(ValueError, match="descriptors: row 82 has 70000 in column 1"):
        index.add(np.array([[0, 0, 0, 1], [1, 0, 0, 0], [0, 7e4, 0, 0]], dtype=np.float32))
    assert len(index) == 80


def test_the_check_is_kept_logged_and_true(tmp_path, caplog):
    index = HNSWIndex(dim=64)
    with caplog.at_level(logging.INFO, logger="vpr_eval.index"):
        index.build(ROWS, queries=QUERIES)
    assert str(index.checked) in caplog.text
    assert "index hnsw of 1,500 descriptors finds" in caplog.text
    assert "(asked with 50 queries)" in caplog.text
    index.save(tmp_path / "index")
    assert SelfCheck.from_dict(read_index_header(tmp_path / "index").check) == index.checked
    assert load_index(tmp_path / "index").checked == index.checked
    truth, found = search_exact(QUERIES, ROWS, 10), index.search(QUERIES, 10)
    assert index.checked.queries_nearest == pytest.approx((found.distance[:, 0] <= truth.distance[:, 0]).mean())
    assert index.checked.queries_all == pytest.approx((found.distance <= truth.distance[:, -1:]).mean())


def test_an_index_that_finds_little_says_so_and_what_to_do(caplog):
    rows = unit(RNG.standard_normal((3000, 64)))
    index = IVFPQIndex(dim=64, parts=4, lists=64, probes=1)
    index.add(rows)
    with caplog.at_level(logging.INFO, logger="vpr_eval.index"):
        index.search(rows[:1], 1)
    (record,) = [r for r in caplog.records if r.name == "vpr_eval.index"]
    assert record.levelno == logging.WARNING
    assert index.checked.low
    assert "raise probes, or rescore with the original rows at hand, or use flat, which is exact" in record.getMessage()
    # Against a restatement: the ten nearest others of the same hundred.
    own = np.sort(np.random.default_rng(0).choice(3000, size=100, replace=False))
    exact = np.sqrt(((rows[own][:, None].astype(np.float64) - rows[None]) ** 2).sum(axis=2))
    exact[np.arange(100), own] = np.inf
    near = np.argsort(exact, axis=1)[:, :10]
    found = index.search(rows[own], 11).index
    share = np.mean([len(set(n.tolist()) & set(f.tolist())) / 10 for n, f in zip(near, found, strict=True)])
    assert index.checked.stored_all == pytest.approx(share, abs=0.02)


def test_codes_alone_cannot_be_checked():
    index = BinaryIndex(dim=64)
    with pytest.raises(ValueError, match="check: the index is empty"):
        index.check()
    index.add(ROWS)
    index.search(QUERIES, 1)
    assert index.checked.stored == 100  # from the rows that were waiting for the mean
    with pytest.raises(ValueError, match="check: binary keeps codes only"):
        index.check(QUERIES)
    index.attach(ROWS)
    assert index.check(QUERIES).queries_all > 0.9
    with pytest.raises(ValueError, match="queries: dimension 5, the database has 64"):
        index.check(QUERIES[:, :5])


def test_hnsw_is_checked_again_when_it_has_doubled():
    index = HNSWIndex(dim=64)
    index.add(ROWS[:100])
    index.search(QUERIES, 1)
    assert index.checked.count == 100
    index.add(ROWS[100:190])
    index.search(QUERIES, 1)
    assert index.checked.count == 100
    index.add(ROWS[190:250])
    index.search(QUERIES, 1)
    assert index.checked.count == 250


@pytest.mark.parametrize(
    "values",
    [
        {"stored_all": 1.5},
        {"stored_nearest": None},
        {"count": "many"},
        {"queries_all": float("nan")},
        {"more": 1},
        {"depth": True},
    ],
)
def test_a_strange_check_is_refused(values):
    good = SelfCheck(kind="hnsw", count=5, depth=2, stored=5, stored_nearest=1.0, stored_all=0.5).to_dict()
    assert SelfCheck.from_dict(good).stored_all == 0.5
    with pytest.raises(ValueError, match="is no check of an index"):
        SelfCheck.from_dict({**good, **values})


@pytest.mark.parametrize(
    ("first", "name"),
    [
        (b"IxF2\x10\x00", "an index of faiss itself"),
        (b"IHNf\x10\x00", "an index of faiss itself"),
        (b"IwSq\x10\x00", "an index of faiss itself"),
        (b"\x93NUMPY\x01\x00", "an array of numpy"),
        (b"PK\x03\x04", "a ZIP archive"),
    ],
)
def test_index_files_of_others_are_called_what_they_are(tmp_path, first, name):
    (tmp_path / "index").write_bytes(first + bytes(200))
    for read in (load_index, read_index_header, FlatIndex(dim=4).load, BinaryIndex(dim=4).load):
        with pytest.raises(ValueError, match=rf"is not an index file of this version .*; it looks like {name}"):
            read(tmp_path / "index")


@pytest.mark.parametrize("kind", ["Flat", "HNSW8", "IVF2,Flat", "PCA4,Flat", "SQ8", "LSH"])
def test_what_faiss_writes_is_one_of_them(tmp_path, kind):
    index = faiss.index_factory(8, kind)
    index.train(RNG.standard_normal((90, 8)).astype(np.float32))
    index.add(RNG.standard_normal((20, 8)).astype(np.float32))
    faiss.write_index(index, str(tmp_path / "index"))
    with pytest.raises(ValueError, match=re.escape("take the descriptors it was made of (faiss: `reconstruct_n`")):
        load_index(tmp_path / "index")


@pytest.mark.parametrize(
    "change",
    [{"mean": ["<f8", 2**40]}, {"mean": ["O", 64]}, {"mean": "all"}, {"mean": []}, {"lengths": ["<f4", -1]}],
)
def test_a_header_that_lists_what_is_not_there_is_refused(tmp_path, change):
    path = tmp_path / "index"
    index = BinaryIndex(dim=64)
    index.add(ROWS[:50])
    index.save(path)
    magic, header, rest = path.read_bytes()[:-72].split(b"\n", 2)
    said = json.loads(header)
    body = b"\n".join([magic, json.dumps({**said, "arrays": {**said["arrays"], **change}}).encode(), rest])
    path.write_bytes(body + b"\nsha256:" + hashlib.sha256(body).hexdigest().encode())
    with pytest.raises(ValueError, match=r"payload: array|count: the file says|do not fit"):
        load_index(path)


def test_stored_rows_without_norms_are_measured_once():
    rows = StoredRows([ROWS[:10], ROWS[10:20]])
    assert not rows.knows_norms()
    np.testing.assert_allclose(rows.norms(unit=True), 1, atol=1e-6)
    assert rows.without(np.array([3])).knows_norms()
