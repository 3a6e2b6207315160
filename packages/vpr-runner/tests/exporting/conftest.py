"""One small network, exported once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image


@dataclass(frozen=True)
class Case:
    retriever: Any
    config: Any
    registry: Any
    found: Any
    file: Path
    program: Path
    photos: list[Path]


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(2)
    files = []
    for number in range(12):
        pixels = generator.integers(0, 255, size=(6, 8, 3), dtype=np.uint8)
        files.append(folder / f"{number:02d}.jpg")
        Image.fromarray(pixels).resize((80, 60), Image.Resampling.BICUBIC).save(files[-1])
    return files


@pytest.fixture(scope="session")
def made(engine_registry: Any) -> Callable[..., Any]:
    """Return a function from blocks of a run file to a network in evaluation mode and its config."""
    import json

    from vpr_core.config import parse_run
    from vpr_runner.network.assembly import assemble

    def make(**blocks: Any) -> Any:
        content = {
            "dataset": {"type": "none"},
            "backbone": {"type": "tiny", "width": 0.34},
            "pooling": {"type": "netvlad", "num_clusters": 4},
            "image": {"size": [48, 64]},
            **blocks,
        }
        config = parse_run(json.dumps(content), engine_registry, source="test")
        return assemble(config, engine_registry).eval(), config

    return make


@pytest.fixture(scope="session")
def exported(
    made: Callable[..., Any], engine_registry: Any, photos: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Case:
    pytest.importorskip("onnxscript", reason="needs the extra vpr-runner[onnx]")
    pytest.importorskip("onnxruntime", reason="needs the extra vpr-runner[onnx]")
    from vpr_runner.exporting.write import export
    from vpr_runner.network.architecture import Architecture

    folder = tmp_path_factory.mktemp("exported")
    retriever, config = made()
    file, program = folder / "model.onnx", folder / "model.pt2"
    found = export(
        retriever,
        Architecture.of(config),
        engine_registry,
        onnx=file,
        program=program,
        photos=photos,
        licence="test, CC0-1.0",
    )
    return Case(retriever, config, engine_registry, found, file, program, photos)
