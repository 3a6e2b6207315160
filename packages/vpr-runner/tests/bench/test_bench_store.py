"""Finished cells: found again whole, or not at all."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from vpr_runner.bench.store import CellStore

CELL = SimpleNamespace(file_name="netvlad-0.json", key="a" * 64)
OUTCOME = {"method": "NetVLAD", "tests": {"": {"recall": {"1": 0.4125, "5": 1 / 3}, "first_hits": [1, 0, 7]}}}


def test_a_cell_is_found_again_as_it_was_kept(tmp_path: Path) -> None:
    store = CellStore(tmp_path)
    assert store.find(CELL) is None
    kept = store.keep(CELL, OUTCOME)
    assert kept == {"key": CELL.key, **OUTCOME}
    assert store.find(CELL) == kept
    assert store.find(SimpleNamespace(file_name=CELL.file_name, key="b" * 64)) is None


@pytest.mark.fault
def test_no_flipped_bit_and_no_cut_goes_unnoticed(tmp_path: Path) -> None:
    """A flipped bit turns a digit into another one; the file is JSON all the same."""
    store = CellStore(tmp_path)
    kept = store.keep(CELL, OUTCOME)
    path = tmp_path / "cells" / CELL.file_name
    content = path.read_bytes()
    for place in range(len(content)):
        for bit in range(8):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :])
            assert store.find(CELL) in (None, kept)
        path.write_bytes(content[:place])
        assert store.find(CELL) in (None, kept)
    path.write_bytes(content.replace(b"0.4125", b"0.5125"))
    assert store.find(CELL) is None
