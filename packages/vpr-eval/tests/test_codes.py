"""Codes of one bit a dimension: many long ones are compared by some of their bytes first, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest

from vpr_eval import BinaryIndex, StoredRows, load_index, search_exact
from vpr_eval.index import codes as module
from vpr_eval.index.codes import Codes
from vpr_eval.index.mapped import MappedRows

RNG = np.random.default_rng(21)


@pytest.fixture
def many(monkeypatch):
    """Treat 64 KiB of long codes as many."""
    monkeypatch.setattr(module, "_MANY", 2**16)


def some_codes(count, width, places=20):
    """Codes in groups that differ in a tenth of their bits, some of them equal."""
    group = RNG.integers(0, 256, size=(places, width), dtype=np.uint8)[RNG.integers(0, places, size=count)]
    flips = np.packbits(RNG.random((count, 8 * width)) < 0.1, axis=1)
    flips[::5] = 0
    return group ^ flips


def differing(code, rows):
    return np.array([sum(bin(int(byte)).count("1") for byte in row) for row in code ^ rows])


def restated(code, rows, count):
    """By hand: 64 bytes, 64 more, all that tie with the last of a shortlist, then (bits, node)."""
    where = [position * rows.shape[1] // 128 for position in range(128)]
    near = np.arange(len(rows))
    for bytes_, share in ((where[::2], 8), (where, 64)):
        front = differing(code[bytes_], rows[near][:, bytes_])
        near = near[front <= np.sort(front)[max(len(rows) // share, 16 * count) - 1]]
    bits = differing(code, rows[near])
    order = np.lexsort((near, bits))[:count]
    return bits[order].tolist(), near[order].tolist()


@pytest.mark.parametrize("width", [256, 257, 300])
@pytest.mark.parametrize("count", [1, 7])
def test_the_nearest_are_those_of_the_shortlist_ties_by_node(many, width, count):
    rows, asked = some_codes(600, width), some_codes(4, width, places=3)
    asked[0] = rows[5]  # one of several that are equal
    held = Codes(width)
    held.add(rows[:100])
    held.add(rows[100:350])
    held.add(rows[350:])
    bits, node = held.nearest(asked, count)
    for number, code in enumerate(asked):
        assert (bits[number].tolist(), node[number].tolist()) == restated(code, rows, count)
        alone = held.nearest(code[None], count)
        assert alone[1][0].tolist() == node[number].tolist()  # whatever else is asked
    assert bits[0, 0] == 0


def test_threads_change_nothing(many, monkeypatch):
    rows = some_codes(700, 256)
    held = Codes(256)
    held.add(rows)
    alone = held.nearest(rows[:5], 9)
    monkeypatch.setattr(module, "_PER_THREAD", 16)
    monkeypatch.setattr(module.faiss, "omp_get_max_threads", lambda: 3)
    together = held.nearest(rows[:5], 9)
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_codes_that_come_later_are_found(many):
    rows = some_codes(300, 256)
    held = Codes(256)
    held.add(rows[:280])
    held.nearest(rows[:1], 1)  # makes what it compares first
    held.add(rows[280:])
    new = int(held.nearest(rows[281:282], 1)[1][0, 0])
    assert (rows[new] == rows[281]).all()
    assert len(held) == 300
    assert (held.rows == rows).all()


def test_few_or_short_codes_are_compared_whole():
    rows = some_codes(500, 32)
    held = Codes(32)
    held.add(rows)
    bits, node = held.nearest(rows[:3], 500)
    for number in range(3):
        expected = differing(rows[number], rows)
        order = np.lexsort((np.arange(500), expected))
        assert node[number].tolist() == order.tolist()
        assert bits[number].tolist() == expected[order].tolist()


def test_a_standing_robot_black_frames_and_gem_among_many(many, tmp_path):
    """2,051 numbers that are not negative, a code that ends within a byte, 200 equal rows, rows of zeros."""
    rows = np.maximum(np.repeat(RNG.standard_normal((150, 2051)), 2, axis=0), 0)
    rows = (rows + 0.3 * np.abs(RNG.standard_normal(rows.shape))).astype(np.float32)
    rows[50:250] = rows[50]
    rows[260:264] = 0
    asked = (rows[[10, 50, 260, 299]] + np.float32(1e-3)).astype(np.float32)
    index = BinaryIndex(dim=2051)
    index.build(rows)
    index.save(tmp_path / "index")
    again = load_index(tmp_path / "index")
    again.attach(rows)
    truth = search_exact(asked, rows, 3)
    for one in (index, again):
        found = one.search(asked, 3)
        assert found.index.tolist() == truth.index.tolist()
        np.testing.assert_array_equal(found.distance, truth.distance)
    assert found.index[1].tolist() == [50, 51, 52]
    assert found.index[2].tolist() == [260, 261, 262]


def test_a_file_that_ends_before_its_codes_is_refused(tmp_path):
    class Short:
        def readinto(self, view):
            return len(view) - 1

    from vpr_eval.index.container import Payload

    with pytest.raises(ValueError, match="payload: ends before the 8 bytes"):
        Payload(Short(), 100).read_into(np.empty((2, 4), dtype=np.uint8))
    with pytest.raises(ValueError, match="payload: ends before the 8 bytes"):
        Payload(Short(), 7).read_into(np.empty((2, 4), dtype=np.uint8))


def test_rows_of_mapped_files_are_told_of_and_given_back_unchanged(tmp_path):
    rows = RNG.standard_normal((3000, 130)).astype(np.float16)
    np.save(tmp_path / "a.npy", rows[:1200])
    np.save(tmp_path / "b.npy", rows[1200:])
    reading = [np.load(tmp_path / name, mmap_mode="r") for name in ("a.npy", "b.npy")]
    stored = StoredRows([reading[0], reading[1][:1500][::1]], skip=[3, 1300])
    which = RNG.integers(0, len(stored), size=400)
    expected = np.delete(rows[:2700], [3, 1300], axis=0)[which].astype(np.float32)
    np.testing.assert_array_equal(stored.take(which), expected)
    np.testing.assert_array_equal(stored.take(which), expected)
    # What was written to a private map is nowhere else: it must stay.
    private = np.load(tmp_path / "a.npy", mmap_mode="c")
    private[7] = 2
    private.flags.writeable = False
    for block in (private, rows, reading[0][:, ::2], reading[0][::-1]):
        mapped = MappedRows(block)
        mapped.announce(np.array([7, 8]))
        before = block[7].copy()
        mapped.release()
        np.testing.assert_array_equal(block[7], before)
