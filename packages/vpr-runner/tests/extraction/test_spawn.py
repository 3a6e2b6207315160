"""Worker processes that begin as fresh interpreters, as on Windows and macOS: what crosses over is data."""

from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from vpr_data.city import CityDataset, CitySize
from vpr_runner import extract
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.encode import encode_all
from vpr_runner.encoding.source import ImageSource
from vpr_runner.network.assembly import assemble

TINY = CitySize(name="tiny", height=24, width=32, stations=(3, 2, 3), queries=(4, 2, 8), directions=2, supersample=1)
HERE = str(Path(__file__).parents[1])


@pytest.fixture
def workers(monkeypatch):
    """One process, spawned; it finds its work in this folder."""
    monkeypatch.syspath_prepend(HERE)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.mark.slow
def test_images_network_and_settings_cross_to_a_spawned_process(
    make_config, engine_registry, workers, tmp_path: Path
) -> None:
    from spawned_work import descriptors, extracted, names_of

    config = make_config(pooling={"type": "netvlad", "num_clusters": 4})
    images = engine_registry.build("dataset", config.dataset).split("val").database
    network, compute = assemble(config, engine_registry), Compute.of(config.compute, config.image)
    here, _ = encode_all(network, ImageSource(images), compute=compute)

    # The main process has used its threads by now: a fork would inherit their locks and hang.
    assert np.array_equal(workers.submit(descriptors, network, images, compute).result(timeout=120), here)
    city = CityDataset(size=TINY, root=tmp_path, workers=1, progress=False)
    assert workers.submit(names_of, city, "val").result(timeout=120) == city.split("val").queries.names

    extract(network, images, output=tmp_path / "here", config=config, chunk=5, progress=False)
    there = tmp_path / "there"
    workers.submit(extracted, config.model_dump_json(), sys.path, there).result(timeout=120)
    for path in (tmp_path / "here").glob("0*.npy"):
        assert (there / path.name).read_bytes() == path.read_bytes()
