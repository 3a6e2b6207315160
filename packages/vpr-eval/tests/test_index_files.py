"""Index files: whole or absent, verified, of the right model."""

from __future__ import annotations

import errno
import json
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vpr_eval import FlatIndex, HNSWIndex, IVFPQIndex, IVFSQIndex, load_index, read_index_header

RNG = np.random.default_rng(8)
ROWS = RNG.standard_normal((300, 8)).astype(np.float32)
ROWS /= np.linalg.norm(ROWS, axis=1, keepdims=True)

MAKERS = {
    "flat": lambda **more: FlatIndex(dim=8, **more),
    "hnsw": lambda **more: HNSWIndex(dim=8, links=8, ef_search=40, **more),
    "ivf_sq": lambda **more: IVFSQIndex(dim=8, lists=5, probes=3, code="int8", seed=4, **more),
    "ivf_pq": lambda **more: IVFPQIndex(dim=8, lists=4, parts=4, **more),
}


def filled(kind="flat", rows=ROWS, **more):
    index = MAKERS[kind](**more)
    index.add(rows)
    return index


@pytest.mark.parametrize("metric", ["l2", "ip"])
@pytest.mark.parametrize("kind", MAKERS)
def test_round_trip(tmp_path, kind, metric):
    path = tmp_path / "a folder é" / "index"
    path.parent.mkdir()
    index = filled(kind, metric=metric, fingerprint="model-1")
    before = index.search(ROWS[:20], 7)
    index.save(path)
    fresh = MAKERS[kind](metric=metric)
    fresh.load(path)
    for again in (fresh, load_index(path), load_index(path, fingerprint="model-1")):
        after = again.search(ROWS[:20], 7)
        np.testing.assert_array_equal(after.index, before.index)
        np.testing.assert_array_equal(after.distance, before.distance)
        assert (len(again), again.dim, again.metric, again.fingerprint) == (300, 8, metric, "model-1")
        assert again.parameters() == index.parameters()
        again.add(ROWS[:10])
        assert len(again) == 310
    header = read_index_header(path)
    assert (header.kind, header.dim, header.metric, header.count) == (kind, 8, metric, 300)
    assert [entry.name for entry in path.parent.iterdir()] == ["index"]


def test_the_first_lines_can_be_read_by_people(tmp_path):
    filled(fingerprint="vgg16-netvlad").save(tmp_path / "index")
    magic, header, _ = (tmp_path / "index").read_bytes().split(b"\n", 2)
    assert magic == b"vpr-index 1"
    assert json.loads(header)["fingerprint"] == "vgg16-netvlad"


def test_an_empty_index_can_be_kept(tmp_path):
    FlatIndex(dim=8).save(tmp_path / "index")
    assert len(load_index(tmp_path / "index")) == 0


def test_another_model_is_refused_by_both_names(tmp_path):
    filled(fingerprint="vgg16 abc").save(tmp_path / "index")
    index = filled(fingerprint="resnet18 def", rows=ROWS[:3])
    with pytest.raises(
        ValueError, match="made by model 'vgg16 abc', but these descriptors come from model 'resnet18 def'"
    ):
        index.load(tmp_path / "index")
    assert (len(index), index.fingerprint) == (3, "resnet18 def")
    with pytest.raises(ValueError, match=r"'vgg16 abc'.*'resnet18 def'"):
        load_index(tmp_path / "index", fingerprint="resnet18 def")


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (FlatIndex(dim=9), "dim: this index has 9, the file"),
        (FlatIndex(dim=8, metric="ip"), "metric: this index has 'ip', the file"),
        (HNSWIndex(dim=8), "kind: this index has 'hnsw', the file"),
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path, index, message):
    filled().save(tmp_path / "index")
    with pytest.raises(ValueError, match=message):
        index.load(tmp_path / "index")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), kind=st.sampled_from(sorted(MAKERS)))
@pytest.mark.fault
def test_a_flipped_bit_is_noticed(tmp_path, where, bit, kind):
    path = tmp_path / f"whole-{kind}"
    if not path.exists():
        filled(kind).save(path)
    data = bytearray(path.read_bytes())
    data[int(where * len(data))] ^= 1 << bit
    damaged = tmp_path / "damaged"
    damaged.write_bytes(data)
    with pytest.raises(ValueError, match=r"path: .*damaged"):
        MAKERS[kind]().load(damaged)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True))
@pytest.mark.fault
def test_a_torn_file_is_noticed(tmp_path, share):
    filled().save(tmp_path / "whole")
    data = (tmp_path / "whole").read_bytes()
    (tmp_path / "torn").write_bytes(data[: int(share * len(data))])
    with pytest.raises(ValueError, match=r"path: .*torn"):
        load_index(tmp_path / "torn")


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"{}",
        b"not json",
        b"[" * 30000,
        b'{"kind": "flat", "dim": "8", "metric": "l2", "count": 0, "fingerprint": null, "parameters": {}}',
        b'{"kind": "flat", "dim": true, "metric": "l2", "count": 0, "fingerprint": null, "parameters": {}}',
        b'{"kind": "flat", "dim": 8, "metric": "l2", "count": 0, "fingerprint": null}',
    ],
)
def test_a_strange_header_is_a_plain_error(tmp_path, line):
    (tmp_path / "index").write_bytes(b"vpr-index 1\n" + line + b"\n")
    with pytest.raises(ValueError, match="damaged header"):
        read_index_header(tmp_path / "index")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "magic"}, "holds an index of kind 'magic'; known: flat, hnsw, ivf_sq, ivf_pq"),
        ({"parameters": {"speed": 3}}, "has parameters that flat does not know"),
        ({"dim": 0}, "dim: must be at least 1"),
        ({"dim": 10**12}, "SHA-256"),
        ({"metric": "taxi"}, 'metric: "taxi" is unknown'),
    ],
)
def test_a_changed_header_is_refused(tmp_path, change, message):
    path = tmp_path / "index"
    filled().save(path)
    magic, header, rest = path.read_bytes().split(b"\n", 2)
    path.write_bytes(b"\n".join([magic, json.dumps({**json.loads(header), **change}).encode(), rest]))
    with pytest.raises(ValueError, match=re.escape(message)):
        load_index(path)


def test_other_files_are_refused(tmp_path):
    (tmp_path / "index").write_bytes(b"\x80\x04pickle")
    with pytest.raises(ValueError, match="is not an index file"):
        load_index(tmp_path / "index")
    with pytest.raises(FileNotFoundError):
        load_index(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="create it first"):
        filled().save(tmp_path / "no folder" / "index")


@pytest.mark.fault
@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, kind, nth):
    path = tmp_path / "index"
    filled(kind).save(path)
    old = path.read_bytes()
    from vpr_eval import atomic

    real = atomic.os.fdopen
    monkeypatch.setattr(atomic.os, "fdopen", lambda handle, mode: FullDisk(real(handle, mode), nth))
    with pytest.raises(OSError, match="No space left") as caught:
        filled(kind, rows=ROWS[::-1].copy()).save(path)
    assert caught.value.errno == errno.ENOSPC
    assert path.read_bytes() == old
    assert [entry.name for entry in tmp_path.iterdir()] == ["index"]


class FullDisk:
    """A file whose ``nth`` write fails."""

    def __init__(self, file, nth):
        self.file, self.left = file, nth

    def write(self, data):
        self.left -= 1
        if self.left == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.file.write(data)

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self.file.close()


@pytest.mark.fault
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failing_flush_or_rename_leaves_the_old_file(tmp_path, monkeypatch, step):
    path = tmp_path / "index"
    filled().save(path)
    old = path.read_bytes()
    from vpr_eval import atomic

    def fail(*args):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(*((atomic.os, "fsync") if step == "fsync" else (atomic.Path, "replace")), fail)
    with pytest.raises(OSError, match="Input/output error"):
        filled(rows=ROWS[:5]).save(path)
    assert path.read_bytes() == old
    assert [entry.name for entry in tmp_path.iterdir()] == ["index"]
