"""Files that others may have written or damaged: whatever stands in them, a reader reads it or says what is wrong."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vpr_core import ConfigError, UsageError
from vpr_core.config import parse_run
from vpr_runner import load_descriptors, load_retriever
from vpr_runner.bench.readme import load_result
from vpr_runner.bench.store import CellStore
from vpr_runner.bench.suite import load_suite
from vpr_runner.cli.model import open_model
from vpr_runner.distributed import ONE_PROCESS
from vpr_runner.extraction.manifest import ChunkRecord, Manifest
from vpr_runner.maps.opened import read_places
from vpr_runner.training.run_directory import RunDirectory

SAID = (UsageError, ConfigError)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**20) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
short = settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@st.composite
def changed(draw: st.DrawFn, whole: Any) -> Any:
    """Return a copy of ``whole`` with one value replaced, removed or added, at any depth."""
    document = copy.deepcopy(whole)
    here, parent, at = document, None, None
    while isinstance(here, dict | list) and here and draw(st.integers(0, 3)):
        parent, at = here, draw(st.sampled_from(sorted(here) if isinstance(here, dict) else range(len(here))))
        here = parent[at]
    if parent is None:
        return draw(JSON)
    how = draw(st.sampled_from(["replace", "remove", "add"]))
    if how == "replace":
        parent[at] = draw(JSON)
    elif how == "remove":
        del parent[at]
    elif isinstance(parent, dict):
        parent[draw(st.text(max_size=6))] = draw(JSON)
    else:
        parent.append(draw(JSON))
    return document


def reads_or_says(read: Callable[[], Any], *, also: tuple[type[Exception], ...] = ()) -> None:
    with contextlib.suppress(*SAID, *also):
        read()


MANIFEST = {
    "fingerprint": "ab" * 32,
    "dim": 3,
    "size": [4, 5],
    "precision": "float32",
    "chunk": 2,
    "dtype": "float32",
    "names": ["a.jpg", "b.jpg", "c.jpg"],
    "bytes": [1, 2, -1],
    "format": 1,
}


def extraction(folder: Path, manifest: Any, record: Any) -> Path:
    folder.mkdir(exist_ok=True)
    for number, rows in enumerate((2, 1)):
        np.save(folder / f"{number:06d}.npy", np.zeros((rows, 3), dtype=np.float32))
        (folder / f"{number:06d}.json").write_text(json.dumps(record))
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


RECORD = {"sha256": "00", "images": "00", "rows": 2, "fingerprint": "ab" * 32, "failures": {"a.jpg": "why"}}


@pytest.mark.fault
@short
@given(manifest=changed(MANIFEST), record=changed(RECORD))
def test_manifests_and_records(tmp_path: Path, manifest: Any, record: Any) -> None:
    for one, other in ((manifest, RECORD), (MANIFEST, record)):
        folder = extraction(tmp_path / "map", one, other)
        reads_or_says(lambda folder=folder: load_descriptors(folder).verify())
        reads_or_says(lambda folder=folder: Manifest.read(folder))
        ChunkRecord.read(folder, 0)


@pytest.mark.fault
@short
@given(
    origin=changed({"root": "/a", "frame": {"kind": "utm", "zone": 33, "hemisphere": "north"}}),
    rows=st.text("nameyx,1.\n\"'é\0", max_size=40),
)
def test_origins_of_a_map(tmp_path: Path, origin: Any, rows: str) -> None:
    (tmp_path / "origin.json").write_text(json.dumps(origin))
    (tmp_path / "images.csv").write_text(rows, encoding="utf-8")
    reads_or_says(lambda: read_places(tmp_path, names=("a.jpg",)))
    (tmp_path / "images.csv").unlink()
    reads_or_says(lambda: read_places(tmp_path, names=("a.jpg",)))


@pytest.mark.fault
@pytest.mark.parametrize("value", ["nan", "inf", "-1e999", "", "1;2"])
def test_a_position_that_is_no_number_of_metres(tmp_path: Path, value: str) -> None:
    (tmp_path / "images.csv").write_text(f"name,x,y\na.jpg,1,{value}\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"images\.csv is damaged"):
        read_places(tmp_path, names=("a.jpg",))


SUITE = {
    "name": "s",
    "title": "A suite",
    "base": {
        "dataset": {"type": "city", "size": "small"},
        "backbone": {"type": "tiny"},
        "eval": {"split": "test", "recall_at": [1]},
    },
    "table": "pooling",
    "methods": {"NetVLAD": {"pooling": {"type": "netvlad"}}, "GeM": {"pooling": {"type": "gem"}}},
    "seeds": [0, 1],
}


@pytest.mark.fault
@short
@given(suite=changed(SUITE))
def test_suites(tmp_path: Path, engine_registry, suite: Any) -> None:
    from vpr_runner.bench import plan

    file = tmp_path / "s.yaml"
    file.write_text(json.dumps(suite), encoding="utf-8")
    reads_or_says(lambda: plan(load_suite(file), engine_registry))


@pytest.mark.fault
@short
@given(data=st.data())
def test_run_files_and_run_directories(make_config, engine_registry, tmp_path_factory, monkeypatch, data) -> None:
    monkeypatch.setattr("vpr_runner.training.environment.provenance", dict)
    config = make_config()
    document = data.draw(changed(config.model_dump(mode="json")))
    reads_or_says(lambda: parse_run(json.dumps(document), engine_registry, source="run.json"))

    folder = tmp_path_factory.mktemp("run")

    def hold() -> None:
        with RunDirectory.hold(folder, config, ranks=ONE_PROCESS, resume=True) as run:
            _ = run.report

    hold()
    for name in ("run.json", "report.json"):
        before = json.loads((folder / name).read_text()) if (folder / name).exists() else {"config_hash": "x"}
        (folder / name).write_text(json.dumps(data.draw(changed(before))))
        reads_or_says(hold)


RESULT = {
    "schema": 1,
    "suite": {"name": "s", "title": "A suite", "notes": "", "table": "pooling"},
    "rows": [],
    "comparisons": [],
    "cells": [],
}


@pytest.mark.fault
@short
@given(result=changed(RESULT) | JSON)
def test_results(tmp_path: Path, result: Any) -> None:
    file = tmp_path / "r.json"
    file.write_text(json.dumps(result), encoding="utf-8")
    reads_or_says(lambda: load_result(file), also=(ValueError,))


@pytest.mark.fault
@pytest.mark.parametrize("missing", ["fingerprint", "out_dim", "config"])
def test_a_model_without_a_part_of_its_description(make_config, engine_registry, tmp_path: Path, missing: str) -> None:
    description = {"format": 1, "fingerprint": "ab", "out_dim": 3, "config": make_config().model_dump(mode="json")}
    del description[missing]
    file = tmp_path / "model.safetensors"
    file.write_bytes(safetensors.torch.save({"weight": torch.zeros(2)}, {"vpr": json.dumps(description)}))
    with pytest.raises(SAID):
        load_retriever(file, engine_registry)


@pytest.mark.fault
@short
@given(data=st.data())
def test_models(make_config, engine_registry, tmp_path: Path, data) -> None:
    description = {"format": 1, "fingerprint": "ab", "out_dim": 3, "config": make_config().model_dump(mode="json")}
    text = json.dumps(data.draw(changed(description)))
    file = tmp_path / "model.safetensors"
    file.write_bytes(safetensors.torch.save({"weight": torch.zeros(2)}, {"vpr": text}))
    reads_or_says(lambda: load_retriever(file, engine_registry))
    content = bytearray(file.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    reads_or_says(lambda: load_retriever(file, engine_registry))


@pytest.mark.fault
@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000, "1" * 5000], ids=["lists", "objects", "a number"])
def test_json_that_python_cannot_follow(make_config, engine_registry, tmp_path: Path, text: str) -> None:
    for name in ("manifest.json", "000000.json", "origin.json", "run.json", "result.json", "model.json"):
        (tmp_path / name).write_text(text)
    (tmp_path / "cells").mkdir()
    (tmp_path / "cells" / "c.json").write_text(text)
    file = tmp_path / "m.safetensors"
    file.write_bytes(safetensors.torch.save({"weight": torch.zeros(2)}, {"vpr": text}))

    def hold() -> None:
        with RunDirectory.hold(tmp_path, make_config(), ranks=ONE_PROCESS, resume=True):
            pass

    for read in (
        lambda: Manifest.read(tmp_path),
        lambda: read_places(tmp_path, names=("a.jpg",)),
        hold,
        lambda: load_retriever(file, engine_registry),
        lambda: open_model(tmp_path),
    ):
        with pytest.raises(SAID):
            read()
    with pytest.raises(ValueError, match=r"result.json: not a result of `vpr bench`"):
        load_result(tmp_path / "result.json")
    assert ChunkRecord.read(tmp_path, 0) is None
    assert CellStore(tmp_path).find(SimpleNamespace(file_name="c.json", key="k")) is None
