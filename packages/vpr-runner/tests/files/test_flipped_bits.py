"""Two hundred flipped bits in each kind of file: the same result, or a sentence that names the file.

The cached city, the frozen-prefix cache and the cells of a bench have the like in their own tests.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from vpr_core import UsageError
from vpr_data import Frame, ImageSet
from vpr_runner import assemble
from vpr_runner.extraction.descriptors import load_descriptors
from vpr_runner.maps import index as map_index
from vpr_runner.maps.index import nearest
from vpr_runner.maps.opened import open_map
from vpr_runner.maps.write import write_map
from vpr_runner.network.storage import load_retriever, tensor_digest
from vpr_runner.training.checkpoint import Checkpoints

pytestmark = pytest.mark.fault
FLIPS = 200
CONFIG = {
    "dataset": {"type": "dots", "root": "none"},
    "backbone": {"type": "tiny", "width": 0.34},
    "pooling": {"type": "gem"},
    "image": {"size": [16, 16]},
    "compute": {"device": "cpu", "workers": 1, "threads": 1},
    "index": {"type": "hnsw"},
}


@pytest.fixture(scope="module")
def made(engine_registry: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A map of 90 images, and a folder of checkpoints."""
    folder = tmp_path_factory.mktemp("made")
    generator = np.random.default_rng(0)
    names = [f"{number}.png" for number in range(90)]
    for name in names:
        Image.fromarray(generator.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(folder / name)
    degrees = np.array([[-33.45, -70.65]]) + generator.uniform(0, 1e-3, (90, 2))
    frame = Frame.local(latitude=-33.45, longitude=-70.65)
    images = ImageSet(root=folder, names=names, xy=frame.to_metres(degrees), degrees=degrees, frame=frame)
    config = engine_registry.run_config_model().model_validate_json(json.dumps(CONFIG))
    network = assemble(config, engine_registry).eval()
    write_map(network, images, output=folder / "map", config=config, chunk=50, progress=False)
    Checkpoints(folder / "checkpoints", keep=1).save({"weights": torch.arange(300.0), "position": {"step": 3}})
    return folder


def as_a_map(folder: Path) -> Any:
    opened = open_map(folder / "map")
    opened.descriptors.verify()
    rows, places = np.array(opened.descriptors[:]), opened.places
    assert places.degrees is not None
    return list(places.names), places.degrees.tolist(), rows.tobytes(), opened.root


def as_an_extraction(folder: Path) -> Any:
    """What was made from Python, without table and seal."""
    (folder / "map" / "seal.json").unlink(missing_ok=True)
    descriptors = load_descriptors(folder / "map")
    descriptors.verify()
    return list(descriptors.names), descriptors.failures, np.array(descriptors[:]).tobytes()


def as_a_checkpoint(folder: Path) -> Any:
    state = Checkpoints(folder / "checkpoints", keep=1).newest()
    for broken in (folder / "checkpoints").glob("*.broken"):
        broken.rename(broken.with_suffix(".pt"))
    return None if state is None else [str(state["position"]), state["weights"].tolist()]


KINDS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "chunk of a map": ("map/000001.npy", as_a_map),
    "record of a chunk of a map": ("map/000001.json", as_a_map),
    "manifest of a map": ("map/manifest.json", as_a_map),
    "table of a map": ("map/images.csv", as_a_map),
    "origin of a map": ("map/origin.json", as_a_map),
    "seal of a map": ("map/seal.json", as_a_map),
    "chunk of an extraction": ("map/000001.npy", as_an_extraction),
    "record of an extraction": ("map/000001.json", as_an_extraction),
    "manifest of an extraction": ("map/manifest.json", as_an_extraction),
    "checkpoint": ("checkpoints/checkpoint-00000001.pt", as_a_checkpoint),
    "digest of a checkpoint": ("checkpoints/checkpoint-00000001.sha256", as_a_checkpoint),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_result_or_a_sentence_that_names_the_file(made: Path, kind: str, caplog: Any) -> None:
    name, read = KINDS[kind]
    whole = {path: path.read_bytes() for path in made.rglob("*") if path.is_file() and path.suffix != ".png"}
    try:
        check(made / name, lambda: read(made), caplog)
    finally:
        for path, content in whole.items():
            path.write_bytes(content)


def test_a_model(made: Path, engine_registry: Any, caplog: Any) -> None:
    """Half of the flips in its header, which holds the configuration."""
    file = made / "map" / "model" / "model.safetensors"
    content = file.read_bytes()

    def read() -> Any:
        retriever, config = load_retriever(file, engine_registry)
        return tensor_digest(retriever), config.model_dump(mode="json")

    header = 8 + int.from_bytes(content[:8], "little")
    try:
        check(file, read, caplog, most=header)
    finally:
        file.write_bytes(content)


def test_an_index_beside_a_map(made: Path, engine_registry: Any, caplog: Any, monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setenv("VPR_CACHE", str(tmp_path))
    config = engine_registry.run_config_model().model_validate_json(json.dumps(CONFIG)).index
    folder = made / "map"
    descriptors = load_descriptors(folder)
    queries = np.array(descriptors[[3, 50]])

    def read() -> Any:
        found, _ = nearest(descriptors, queries, 5, folder=folder, index=config, registry=engine_registry)
        return found.index.tolist(), found.distance.tolist()

    expected = read()
    (file,) = folder.glob("index-*.vpr")
    content, key = file.read_bytes(), map_index._key(descriptors, folder, config)
    assert map_index._opened(file, key) is not None
    caplog.set_level(logging.INFO)
    for offset in np.random.default_rng(3).choice(len(content), FLIPS):
        file.write_bytes(flipped(content, offset))
        caplog.clear()
        assert map_index._opened(file, key) is None
        assert str(file) in caplog.text
    assert read() == expected  # it is built anew
    assert file.read_bytes() == content
    file.unlink()


def check(file: Path, read: Callable[[], Any], caplog: Any, *, most: int | None = None) -> None:
    content, expected = file.read_bytes(), read()
    generator = np.random.default_rng(4)
    offsets = generator.choice(len(content), FLIPS)
    if most is not None:
        offsets[::2] = generator.choice(most, len(offsets[::2]))
    noticed = 0
    for offset in offsets:
        file.write_bytes(flipped(content, offset))
        caplog.clear()
        said = ""
        try:
            found = read()
        except UsageError as error:
            found, said = None, str(error)
        assert found in (None, expected)
        if found is None:
            assert file.stem in said + caplog.text  # of a checkpoint and its digest, the checkpoint's
            noticed += 1
    assert noticed > FLIPS / 2


def flipped(content: bytes, offset: int) -> bytes:
    changed = bytearray(content)
    changed[offset] ^= 1 << int(offset % 8)
    return bytes(changed)
