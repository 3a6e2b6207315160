"""A start that fails leaves no folder that takes its name: one mechanism under every command that makes one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vpr_core import build_registry, load_run_file
from vpr_runner.cli import main
from vpr_runner.distributed import ONE_PROCESS
from vpr_runner.files.lock import folder_lock
from vpr_runner.training.run_directory import RunDirectory

RUN = """
dataset: {type: city, size: small}
backbone: {type: tiny, width: 0.25}
pooling: {type: avg}
image: {size: [24, 32]}
train: {epochs: 1}
"""
SUITE = """
name: x
title: X
base:
  dataset: {type: folder, root: ROOT}
  backbone: {type: tiny, width: 0.25}
  image: {size: [24, 32]}
table: pooling
methods:
  average: {pooling: {type: avg}}
seeds: [0]
stages: [untrained]
"""


def failed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(arguments) in (1, 2)
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return said


@pytest.fixture
def run_file(tmp_path: Path) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text(RUN)
    return path


def test_training_that_cannot_begin(run_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "runs" / "first"
    arguments = ["train", str(run_file), "-o", str(folder), "-q"]
    missing = f"dataset={{type: folder, root: {tmp_path / 'nowhere'}}}"
    for setting in (missing, "whiten={dim: 60000, images: 65000}", "backbone.weights=/nowhere/x.pth"):
        failed([*arguments, "--set", setting], capsys)
        assert not (tmp_path / "runs").exists()


def test_extraction_of_which_nothing_could_be_read(
    run_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.png").write_bytes(b"no image")
    for number in range(2):
        view = np.random.default_rng(number).integers(0, 255, (24, 32, 3), dtype=np.uint8)
        Image.fromarray(view).save(photos / f"b{number}.png")
    folder = tmp_path / "maps" / "first"
    arguments = ["extract", str(run_file), str(photos), "-o", str(folder), "-q"]
    assert "a.png" in failed(arguments, capsys)
    assert not folder.parent.exists()
    assert main([*arguments, "--set", "compute.on_bad_image=skip", "--chunk", "1"]) == 1  # one is unreadable
    assert main([*arguments, "--set", "image.size=[32, 32]"]) == 2  # another extraction, and there is work of the first
    assert "size (was (24, 32), is (32, 32))" in capsys.readouterr().err


def test_a_bench_whose_first_cell_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suite = tmp_path / "suite.yaml"
    suite.write_text(SUITE.replace("ROOT", str(tmp_path / "nowhere")))
    failed(["bench", str(suite), "-o", str(tmp_path / "out"), "-q"], capsys)
    assert not (tmp_path / "out").exists()


def test_an_import_of_something_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "page.pth").write_text("<html></html>")
    failed(["import", str(tmp_path / "page.pth"), "--into", str(tmp_path / "theirs")], capsys)
    assert not (tmp_path / "theirs").exists()


def test_a_start_that_was_killed_gives_way_to_another_configuration(run_file: Path, tmp_path: Path) -> None:
    """SIGKILL leaves no time to clean up: what is there says what was begun, and nothing came of it."""
    registry = build_registry()
    one, other = (load_run_file(run_file, registry, [f"seed={seed}"]) for seed in (0, 1))
    folder = tmp_path / "run"

    def begun(config: object) -> None:
        with RunDirectory.hold(folder, config, ranks=ONE_PROCESS, resume=True):  # type: ignore[arg-type]
            pass
        (folder / ".lock").write_text("{}")  # as an owner leaves it that does not come to its end

    begun(one)
    begun(other)
    assert "seed: 1" in (folder / "config.yaml").read_text()
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "checkpoint-00000001.pt").write_bytes(b"")
    with pytest.raises(Exception, match="seed was 1, is now 0"):
        begun(one)


def _makes_and_fails(folder: Path) -> None:
    folder.mkdir()
    folder.mkdir()


def test_what_was_there_before_stays(tmp_path: Path) -> None:
    own = tmp_path / "mine"
    own.mkdir()
    (own / "notes.txt").write_text("mine")
    for folder in (own, tmp_path / "a" / "b"):
        with pytest.raises(FileExistsError), folder_lock(folder, purpose="test", worth=lambda: False):
            _makes_and_fails(folder / "inner")
    assert (own / "notes.txt").read_text() == "mine"
    assert (own / "inner").is_dir()
    assert not (tmp_path / "a").exists()
    with pytest.raises(KeyError), folder_lock(tmp_path / "c", purpose="test", worth=lambda: True):
        raise KeyError
    assert (tmp_path / "c").is_dir()
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(KeyError), folder_lock(empty, purpose="test", worth=lambda: False):
        raise KeyError
    assert list(empty.iterdir()) == []
