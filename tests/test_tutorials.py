"""The tutorials run as they are written: files are written, commands are run, in the order of the page.

They run at small size: photographs of a few pixels, and in place of a network whose weights would be downloaded one
that needs none. What is replaced is listed in `SMALL` (of run files) and `SMALL_COMMANDS`; where no network is named,
its weights cannot be had, as for a user who is offline.
"""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vpr_core import build_registry, load_run_file
from vpr_runner import assemble, save_retriever
from vpr_runner.cli import main

TUTORIALS = Path(__file__).resolve().parents[1] / "docs" / "tutorials"
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
MOST = {"robot": 3, "photo-archive": 2, "comparison": 5}  # commands that a first use may take (issue 12)
SMALL = {
    "{type: resnet18, train_from: layer3}": "{type: tiny, width: 0.25}",
    "size: [240, 320]": "size: [48, 64]",
    "num_clusters: 64": "num_clusters: 8",
    "seeds: [0, 1] ": "seeds: [0] ",
}
SMALL_COMMANDS = {"vpr extract resnet18-gem": "vpr extract tiny-gem"}
SMALL_IMAGES = ["--set", "image.size=[48, 64]"]


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(name: str) -> Path:
        raise ConnectionError(f"weights of {name} are not downloaded in a test")

    monkeypatch.setattr("vpr_backbones.torchvision.fetch_torchvision", fetch)


def photos(folder: Path) -> None:
    """Write 8 places, two database photos and one query each, 60 m apart: noise of the place, another exposure each."""
    rng = np.random.default_rng(0)
    for place in range(8):
        view = rng.integers(0, 200, (6, 8, 3)).repeat(10, axis=0).repeat(10, axis=1)
        for visit, role in enumerate(("database", "database", "queries")):
            path = folder / role / f"@{500_000 + 60 * place}.{visit}@4500000.0@.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray((view + 15 * visit + rng.integers(0, 8, view.shape)).astype(np.uint8)).save(path)


def pieces(page: str) -> list[tuple[str, str, str]]:
    """Return language, file name and text of each block of a page."""
    return BLOCK.findall((TUTORIALS / f"{page}.md").read_text(encoding="utf-8"))


def commands(page: str) -> list[str]:
    return [line for language, _, text in pieces(page) if language == "sh" for line in text.splitlines() if line]


def run(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do what a page says, in ``folder``; every command must succeed."""
    monkeypatch.chdir(folder)
    for language, name, text in pieces(page):
        if name:
            for there, here in SMALL.items():
                text = text.replace(there, here)
            assert "resnet" not in text, f"{page}.md has a network to download that SMALL does not replace"
            Path(name).write_text(text, encoding="utf-8")
        if language == "sh":
            for line in text.splitlines():
                for there, here in SMALL_COMMANDS.items():
                    line = line.replace(there, here)
                program, *arguments = shlex.split(line)
                assert program == "vpr"
                if arguments[0] == "extract" and ".yaml" not in line:
                    arguments += SMALL_IMAGES
                assert main(arguments) == 0, line


def test_each_first_use_takes_few_commands() -> None:
    for page, most in MOST.items():
        if (TUTORIALS / f"{page}.md").exists():
            assert 1 <= len(commands(page)) <= most


def archive(folder: Path) -> None:
    """Write 6 places with GPS, two photos each, in folders by year; one scan without GPS and a note beside them."""
    rng = np.random.default_rng(1)
    for place in range(6):
        view = rng.integers(0, 200, (6, 8, 3)).repeat(10, axis=0).repeat(10, axis=1)
        for year in (2019, 2021):
            shot = (view + rng.integers(0, 30, view.shape)).astype(np.uint8)
            gps = {1: "S", 2: (33.0, 51.0, 24.0 + 3 * place), 3: "E", 4: (151.0, 12.0, 36.0)}
            exif = Image.Exif()
            exif[0x8825] = gps
            path = folder / str(year) / f"IMG_{place:04d}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(shot).save(path, exif=exif)
        if place == 3:
            Image.fromarray((view + 20).astype(np.uint8)).save(folder.parent / "unknown.jpg")
    Image.fromarray(rng.integers(0, 255, (60, 80, 3)).astype(np.uint8)).save(folder / "scan.jpg")
    (folder / "notes.txt").write_text("holidays")


def test_photo_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    archive(tmp_path / "photos")
    run("photo-archive", tmp_path, monkeypatch)
    said = capsys.readouterr().out
    assert "13 images" in said
    assert "IMG_0003.jpg" in (tmp_path / "answer.html").read_text(encoding="utf-8")
    answers = re.findall(r"^ +\d+ +\d\.\d+ +(\S+) +(-?[\d.]+), (-?[\d.]+)", said, re.MULTILINE)
    assert sorted(name for name, _, _ in answers[:2]) == ["2019/IMG_0003.jpg", "2021/IMG_0003.jpg"]
    assert [float(number) for number in answers[0][1:]] == pytest.approx([-(33 + 51 / 60 + 33 / 3600), 151.21])


def drive(folder: Path) -> None:
    """Write 64 frames: 52 places in a row, and the first 12 of them once more."""
    rng = np.random.default_rng(2)
    views = [rng.integers(0, 200, (6, 8, 3)).repeat(10, axis=0).repeat(10, axis=1) for _ in range(52)]
    folder.mkdir()
    for frame in range(64):
        shot = views[frame % 52] + rng.integers(0, 8, (60, 80, 3))
        Image.fromarray(shot.astype(np.uint8)).save(folder / f"{frame:06d}.png")
    Image.fromarray((views[30] + 5).astype(np.uint8)).save(folder.parent / "now.jpg", quality=95)


def test_robot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    drive(tmp_path / "drive")
    run("robot", tmp_path, monkeypatch)
    loops = list(csv.DictReader((tmp_path / "loops.csv").read_text().splitlines()))
    best = {row["second"]: row["first"] for row in sorted(loops, key=lambda row: float(row["score"]))}
    assert {f"{frame + 52:06d}.png": f"{frame:06d}.png" for frame in range(12)}.items() <= best.items()
    (asked,) = json.loads(re.search(r"^\[.*^\]", capsys.readouterr().out, re.DOTALL | re.MULTILINE)[0])  # type: ignore[index]
    assert asked["answers"][0]["image"] == "000030.png"


@pytest.mark.slow
def test_comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    photos(tmp_path / "photos")
    run("comparison", tmp_path, monkeypatch)
    said = capsys.readouterr().out
    assert "queries without a right image   0" in said
    assert "NetVLAD against GeM (untrained): recall@1" in said
    assert {path.name for path in (tmp_path / "runs" / "mine").iterdir()} >= {"result.json", "table.md", "recall.png"}


def test_the_first_ten_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photos(tmp_path / "photos")
    new = next((tmp_path / "photos" / "queries").iterdir())
    (tmp_path / "new.jpg").write_bytes(new.read_bytes())
    run("first-photos", tmp_path, monkeypatch)
    said = capsys.readouterr().out
    answer = re.search(r"^ *1 +\S+ +(\S+)", said, re.MULTILINE)
    assert answer is not None
    assert answer[1].split("@")[1].split(".")[0] == new.name.split("@")[1].split(".")[0]  # the same place
    assert (tmp_path / "why" / "retrieval.png").is_file()


def deployed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make a run of an untrained network in ``folder``; return the programs of the page on deployment."""
    photos(folder / "photos")
    monkeypatch.chdir(folder)
    Path("run.yaml").write_text(
        "dataset: {type: folder, root: photos}\nbackbone: {type: tiny, width: 0.25}\npooling: {type: avg}\n"
        "image: {size: [48, 64]}\ntrain: {epochs: 0}\n"
    )
    registry = build_registry()
    config = load_run_file("run.yaml", registry)
    save_retriever(assemble(config, registry), Path("runs/first"), config)
    page = (TUTORIALS.parent / "how-to" / "deployment.md").read_text(encoding="utf-8")
    return [text for language, _, text in BLOCK.findall(page) if language == "python"]


def test_the_examples_of_deployment_find_what_vpr_search_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    programs = deployed(tmp_path, monkeypatch)
    query = sorted((tmp_path / "photos" / "queries").iterdir())[3]
    Path("query.jpg").write_bytes(query.read_bytes())
    assert main(["extract", "runs/first", "photos/database", "-o", "map", "-q"]) == 0
    names: dict[str, Any] = {}
    for text in programs:
        if "model.onnx" not in text:
            exec(compile(text, "deployment.md", "exec"), names)
    capsys.readouterr()
    assert main(["search", "map", "query.jpg", "--json", "-q"]) == 0
    (asked,) = json.loads(capsys.readouterr().out)
    assert names["answers"] == names["names"] == [answer["image"] for answer in asked["answers"]]


@pytest.mark.slow
def test_the_file_of_an_export_is_read_as_deployment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxscript", reason="needs vpr-runner[onnx]")
    (program,) = [text for text in deployed(tmp_path, monkeypatch) if "model.onnx" in text]
    assert main(["export", "runs/first", "--onnx", "model.onnx", "--images", "photos", "-q"]) == 0
    names: dict[str, Any] = {}
    exec(compile(program, "deployment.md", "exec"), names)
    assert names["descriptors"].shape == (1, names["about"]["output"]["dim"])
