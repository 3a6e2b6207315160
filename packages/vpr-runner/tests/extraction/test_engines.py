"""Extraction by an engine that is not this process: the same bytes, and no trust."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from vpr_core import UsageError, VPRError, build_registry
from vpr_core.config import make_run
from vpr_runner import assemble, extract
from vpr_runner.data import split_of
from vpr_runner.extraction.chunk_work import WORK_FOLDER, run_chunk
from vpr_runner.extraction.manifest import chunk_path

HERE = Path(__file__).parents[1]
PLUGIN = '''
from __future__ import annotations

from typing import Literal

from pydantic import Field

from vpr_core import ComponentConfig, EngineSpec, hookimpl


class ElsewhereConfig(ComponentConfig):
    """Parameters of the test's engine."""

    type: Literal["elsewhere"] = "elsewhere"
    forgets: int | None = Field(None, description="chunk that it leaves out")
    here: bool = Field(False, description="computes the first chunk with the network that is loaded")
    process: bool = Field(False, description="computes the others in a process of its own")


SCRIPT = """
import importlib, json, sys
module, name, job, chunks = json.loads(sys.argv[1])
run = getattr(importlib.import_module(module), name)
for chunk in chunks:
    run(job, chunk)
"""


class Elsewhere:
    """Tells whoever computes a chunk everything by text."""

    def __init__(self, config):
        self.config = config

    def run(self, work, *, done):
        import json
        import subprocess
        import sys

        chunks = list(work.chunks)
        if self.config.here:
            work.run_here(chunks.pop(0))
        chunks = [chunk for chunk in chunks if chunk != self.config.forgets]
        job = json.dumps(work.job)
        if self.config.process:
            told = json.dumps([work.run.__module__, work.run.__qualname__, work.job, chunks])
            subprocess.run([sys.executable, "-c", SCRIPT, told], check=True)
        else:
            for chunk in chunks:
                work.run(json.loads(job), chunk)
        for chunk in work.chunks:
            done(chunk)


@hookimpl
def vpr_engines():
    yield EngineSpec(name="elsewhere", config=ElsewhereConfig, build=lambda c: Elsewhere(c), summary="by text")
'''


@pytest.fixture
def work(make_config, tmp_path: Path) -> Any:
    """Return (a function that extracts to a folder with an engine, the registry)."""
    plugin = tmp_path / "elsewhere.py"
    plugin.write_text(PLUGIN, encoding="utf-8")
    registry = build_registry(plugin_files=[HERE / "engine_components.py", plugin])
    data = make_config().model_dump(mode="json")
    images = split_of(make_run(data, registry).dataset, registry, name=make_run(data, registry).eval.split).database

    def run(output: Path, *, retriever: Any = None, progress: bool = False, **engine: Any) -> Any:
        config = make_run(data | ({"engine": engine} if engine else {}), registry)
        retriever = retriever or assemble(config, registry).eval()
        return extract(retriever, images, output=output, config=config, chunk=5, progress=progress, registry=registry)

    run.assembled = lambda: assemble(make_run(data, registry), registry).eval()  # type: ignore[attr-defined]
    return run


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != ".lock"}


def test_processes_that_know_nothing_write_the_same_bytes(work, tmp_path: Path) -> None:
    assert work(tmp_path / "here").written == 12
    result = work(tmp_path / "there ü", type="elsewhere", here=True, process=True)
    assert (result.images, result.written, result.failures) == (12, 12, {})
    assert contents(tmp_path / "there ü") == contents(tmp_path / "here")
    assert not (tmp_path / "there ü" / WORK_FOLDER).exists()


def test_an_engine_goes_on_where_another_stopped(work, tmp_path: Path) -> None:
    work(tmp_path / "out")
    good = contents(tmp_path / "out")
    chunk_path(tmp_path / "out", 1).unlink()
    assert work(tmp_path / "out", type="elsewhere").written == 5
    assert contents(tmp_path / "out") == good


def test_an_engine_is_not_taken_at_its_word(work, tmp_path: Path) -> None:
    with pytest.raises(VPRError, match=r"engine 'elsewhere' is done, but 1 of 2 chunks are not there .*first is 2.*"):
        work(tmp_path / "out", type="elsewhere", here=True, forgets=2)
    assert not (tmp_path / "out" / WORK_FOLDER).exists()
    assert chunk_path(tmp_path / "out", 1).exists()
    assert work(tmp_path / "out").written == 2


def test_a_network_that_its_configuration_does_not_describe_is_refused(work, tmp_path: Path) -> None:
    class Doubled(torch.nn.Module):
        """Pooling of the right state that the configuration knows nothing of."""

        def __init__(self, pooling: Any) -> None:
            super().__init__()
            self.p = pooling.p
            self.out_dim = 2 * pooling.out_dim

        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.normalize(maps.mean(dim=(2, 3)).repeat(1, 2), dim=1)

    network = work.assembled()
    network.pooling = Doubled(network.pooling)
    with pytest.raises(UsageError, match="makes descriptors of 40 numbers, the network that was sent 80"):
        work(tmp_path / "out", retriever=network, type="elsewhere")
    assert not list((tmp_path / "out").glob("*.npy"))


def test_an_engine_needs_a_registry_and_no_torchrun(work, make_config, tmp_path: Path, monkeypatch) -> None:
    config = make_config()
    elsewhere = config.model_copy(update={"engine": type(config.engine).model_construct(type="elsewhere")})
    with pytest.raises(UsageError, match="'elsewhere' is made by a registry"):
        extract(None, None, output=tmp_path, config=elsewhere)  # type: ignore[arg-type]
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="'elsewhere' has workers of its own; start the command once, without torch"):
        work(tmp_path / "out", type="elsewhere")
    assert work(tmp_path / "out").written == 5


def test_a_worker_without_the_shared_folder_says_so(tmp_path: Path) -> None:
    job = {"output": str(tmp_path / "gone"), "model": "m", "images": "i", "manifest": "m", "plugins": []}
    with pytest.raises(
        UsageError,
        match=r"gone: this worker does not see the extraction's manifest there; .* must lie on storage that every",
    ):
        run_chunk(job, 0)


def test_the_engine_is_no_part_of_the_record(work, tmp_path: Path) -> None:
    work(tmp_path / "out")
    assert "engine" not in json.loads((tmp_path / "out" / "manifest.json").read_text())
