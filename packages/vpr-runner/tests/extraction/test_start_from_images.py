"""NetVLAD's clusters and whitening come from the images on the command line where a run file has no data set."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vpr_core import build_registry
from vpr_runner import load_retriever
from vpr_runner.cli import main
from vpr_runner.extraction.chunks import extract_chunk
from vpr_runner.maps.opened import open_map

RUN = """
dataset: {type: none}
backbone: {type: tiny, width: 0.25}
pooling: {type: netvlad, num_clusters: 4}
image: {size: [32, 40]}
init: {locations: 12}
"""


def photos(folder: Path, numbers: range) -> Path:
    folder.mkdir(exist_ok=True)
    for number in numbers:
        view = np.random.default_rng(number).integers(0, 255, (4, 5, 3), dtype=np.uint8)
        Image.fromarray(view.repeat(10, axis=0).repeat(10, axis=1)).save(folder / f"{number:02d}.png")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run files and eight photos."""
    place = tmp_path_factory.mktemp("start")
    photos(place / "photos", range(8))
    (place / "run.yaml").write_text(RUN)
    (place / "white.yaml").write_text(
        RUN.replace("netvlad, num_clusters: 4", "gem") + "whiten: {dim: 5, images: 100}\n"
    )
    return place


def extracted(folder: Path, name: str, *more: str, run: str = "run.yaml", source: str = "photos") -> Path:
    output = folder / name
    assert main(["extract", str(folder / run), str(folder / source), "-o", str(output), "-q", *more]) == 0
    return output


def test_the_start_is_a_function_of_the_seed_and_kept_in_the_map(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, again = extracted(folder, "a"), extracted(folder, "b")
    other = extracted(folder, "c", "--set", "seed=1")
    bytes_of = [(each / "000000.npy").read_bytes() for each in (first, again, other)]
    assert bytes_of[0] == bytes_of[1]
    assert bytes_of[0] != bytes_of[2]
    capsys.readouterr()
    monkeypatch.setattr("vpr_pooling.netvlad.kmeans", None)  # a search that ran k-means would fail
    assert main(["search", str(first), str(folder / "photos" / "03.png"), "-k", "1", "--json", "-q"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)[0]["answers"]
    assert (answer["image"], answer["distance"] < 1e-3) == ("03.png", True)


def test_whitening_is_fitted_on_the_images_given(folder: Path) -> None:
    output = extracted(folder, "white", run="white.yaml")
    retriever, _ = load_retriever(output / "model", build_registry())
    assert retriever.whitening is not None
    rows = np.asarray(open_map(output).descriptors[:])
    assert rows.shape == (8, 5)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_images_that_are_added_are_described_by_the_clusters_of_those_before(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run.yaml").write_text(RUN)
    photos(tmp_path / "photos", range(8))
    output = extracted(tmp_path, "map")
    before = (output / "model" / "model.safetensors").read_bytes()
    photos(tmp_path / "photos", range(8, 12))
    capsys.readouterr()
    extracted(tmp_path, "map")
    assert "12 images" in capsys.readouterr().out
    assert (output / "model" / "model.safetensors").read_bytes() == before
    anew = extracted(tmp_path, "anew")  # of all twelve at once the clusters are others
    assert (anew / "model" / "model.safetensors").read_bytes() != before


def test_a_start_that_is_stopped_goes_on_with_its_clusters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run.yaml").write_text(RUN)
    photos(tmp_path / "photos", range(8))
    whole = extracted(tmp_path, "whole", "--chunk", "4")
    arguments = ["extract", str(tmp_path / "run.yaml"), str(tmp_path / "photos"), "-o", str(tmp_path / "map"), "-q"]

    def stops(job: object, number: int, **settings: object) -> object:
        if number == 1:
            raise KeyboardInterrupt
        return extract_chunk(job, number, **settings)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr("vpr_runner.extraction.chunk_work.extract_chunk", stops)
        assert main([*arguments, "--chunk", "4"]) == 130
    assert (tmp_path / "map" / "000000.npy").is_file()
    monkeypatch.setattr("vpr_pooling.netvlad.kmeans", None)
    assert main([*arguments, "--chunk", "4"]) == 0
    for name in ("000000.npy", "000001.npy", "model/model.safetensors"):
        assert (tmp_path / "map" / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.parametrize(
    ("run", "setting", "said"),
    [
        ("run.yaml", "pooling.num_clusters=200", "pooling.num_clusters: 200 clusters cannot be learnt from 96 local"),
        ("white.yaml", "whiten.dim=50", "whiten.dim: 50 is more than 8 training database descriptors"),
        ("white.yaml", "image.size=[8, 8]", ""),
    ],
)
def test_too_few_images_are_said_before_anything_is_written(
    folder: Path, run: str, setting: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = folder / f"none-{len(setting)}"
    code = main(["extract", str(folder / run), str(folder / "photos"), "-o", str(output), "-q", "--set", setting])
    assert code == (2 if said else 0)
    assert said in capsys.readouterr().err
    assert output.exists() == (not said)


def test_without_images_the_way_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(folder / "run.yaml"), str(folder / "photos" / "00.png"), "-o", "x"]) == 2
    assert "`vpr extract RUN.yaml photos/ -o map/` starts it from the photos" in capsys.readouterr().err
