"""Photos explained against a map; what pictures cost is said first."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vpr_runner.cli import main
from vpr_runner.explain.foretold import foretold, seconds_of
from vpr_runner.maps.opened import Map, open_map


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A map of five photos, and the photos."""
    folder = tmp_path_factory.mktemp("explained")
    (folder / "photos").mkdir()
    for number in range(5):
        view = np.random.default_rng(number).integers(0, 255, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(view.repeat(8, axis=0).repeat(8, axis=1)).save(folder / "photos" / f"{number}.png")
    command = ["extract", "tiny-netvlad", str(folder / "photos"), "-o", str(folder / "map"), "-q"]
    assert main([*command, "--set", "image.size=[48, 64]", "--set", "pooling.num_clusters=4"]) == 0
    return folder


def test_answers_of_a_map_are_drawn(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo = place / "photos" / "3.png"
    arguments = ["explain", str(place / "map"), str(photo), "-o", str(tmp_path), "--top", "2", "--stride", "24", "-q"]
    assert main([*arguments, "--images", str(place / "photos")]) == 0
    said = capsys.readouterr().out
    assert f"{photo}: 3.png (0.000), " in said
    for name in ("retrieval.png", "occlusion/00-3.png", "assignment/00-3.png"):
        assert (tmp_path / name).is_file()
    shown = np.asarray(Image.open(tmp_path / "retrieval.png").convert("RGB")).copy()
    assert main([*arguments, "--what", "retrieval"]) == 0  # the map's own images are not looked for
    without = np.asarray(Image.open(tmp_path / "retrieval.png").convert("RGB"))
    third = shown.shape[1] // 3
    assert np.array_equal(shown[:, : third - 8], without[:, : third - 8])
    assert not np.array_equal(shown, without)


def test_a_map_wants_photos_and_only_a_map_has_images(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", str(place / "map"), "-o", str(tmp_path)]) == 2
    assert "is a map; name photos to ask it about" in capsys.readouterr().err
    model = str(place / "map" / "model")
    assert main(["explain", model, str(place / "photos" / "0.png"), "-o", str(tmp_path), "--images", "x"]) == 2
    assert "shows the images of a map" in capsys.readouterr().err


@pytest.mark.fault
def test_what_helps_with_a_map_of_another_runtime_does(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def of_another(folder: Path) -> Map:
        opened = open_map(folder)
        opened.descriptors.computed = "far int8 0123"
        return opened

    photo, map_ = str(place / "photos" / "0.png"), str(place / "map")
    with monkeypatch.context() as patch:
        patch.setattr("vpr_runner.cli.explain._map_of", of_another)
        assert main(["explain", map_, photo, "-o", str(tmp_path), "-q"]) == 2
    said = capsys.readouterr().err
    assert "Install" not in said
    assert f"(vpr extract {map_} PHOTOS -o NEW --set compute.runtime='{{type: torch}}')" in said
    assert f"(vpr explain {map_}/model photo.jpg -o out/)" in said
    more = ["--what", "retrieval", "-o", str(tmp_path), "-q"]
    command = ["extract", map_, str(place / "photos"), "-o", str(tmp_path / "new"), "-q"]
    assert main([*command, "--set", "compute.runtime={type: torch}"]) == 0
    assert main(["explain", str(tmp_path / "new"), photo, *more]) == 0
    assert main(["explain", f"{map_}/model", photo, "--what", "assignment", "-o", str(tmp_path), "-q"]) == 0


def test_the_cost_is_measured_and_said_before_the_first_picture(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    photo = str(place / "photos" / "0.png")
    arguments = ["explain", str(place / "map"), photo, "-o", str(tmp_path), "--stride", "16"]
    with caplog.at_level(logging.INFO, logger="vpr_runner"):
        assert main([*arguments, "--what", "occlusion"]) == 0
        assert "occlusion maps" not in caplog.text  # of a small network: less than a few seconds
        monkeypatch.setattr("vpr_runner.explain.explanation.seconds_of", lambda *_, **__: 30.0)
        assert main([*arguments, "--what", "occlusion"]) == 0
        assert "occlusion maps: 12 squares on one image, about 6 min. --stride 32 takes about 60 s" in caplog.text
        caplog.clear()
        assert main([*arguments, "--what", "assignment"]) == 0
        assert "occlusion maps" not in caplog.text


def test_seconds_are_those_of_a_call() -> None:
    calls = []

    def describe(images: torch.Tensor) -> torch.Tensor:
        calls.append(len(images))
        torch.linalg.matrix_power(torch.eye(200), 3)
        return images.flatten(1)

    assert 0 < seconds_of(describe, torch.zeros(3, 8, 8), batch=2) < 1
    assert calls == [2, 2]
    assert "about 2.0 h" in foretold(1.0, height=600, width=600, stride=10, images=2)
