"""The command and the online form on the rendered drive, which closes a loop; nothing is trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from vpr_data.city import CityDataset, CitySize
from vpr_runner.cli import main
from vpr_runner.loops import LoopDetector, LoopRules

SIZE = CitySize(name="loops", height=24, width=32, stations=(3, 2, 3), queries=(4, 2, 8), directions=2, supersample=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``frames/``, the first drive; ``truth.csv``; ``map/``, described by an untrained network."""
    root = tmp_path_factory.mktemp("loops")
    split = CityDataset(size=SIZE, root=root, workers=1, progress=False, drives=True).split("drives").database
    (root / "frames").mkdir()
    for position, name in enumerate(split.names):
        (root / "frames" / Path(name).name).write_bytes(split.path(position).read_bytes())
    lines = [f"{Path(name).name},{x},{y}" for name, (x, y) in zip(split.names, split.xy, strict=True)]
    (root / "truth.csv").write_text("name,x,y\n" + "\n".join(lines) + "\n")
    (root / "run.yaml").write_text(
        "dataset: {type: none}\nbackbone: {type: tiny, width: 0.5}\npooling: {type: gem}\nimage: {size: [24, 32]}\n"
    )
    run, frames, out = str(root / "run.yaml"), str(root / "frames"), str(root / "map")
    assert main(["extract", run, frames, "-o", out, "-q"]) == 0
    return root


def test_loops_of_a_map(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["loops", str(folder / "map"), "-o", str(tmp_path), "--truth", str(folder / "truth.csv"), "-q"]
    assert main([*given, "--within", "8", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["times"] == "from file names"
    assert report["seconds"] == pytest.approx((report["images"] - 1) / 2)
    judged = report["judged"]
    assert judged["images"] > 10, "the drive comes back to where it began"
    # Weights are random, and the first two images of a loop have too few before them: far more than chance (3 %).
    assert judged["right"] > 0.2 * judged["images"]
    assert {path.name for path in tmp_path.iterdir()} == {
        *("loops.csv", "loops.txt", "loops.g2o", "similarity.png", "report.json", "precision_recall.csv")
    }
    with Image.open(tmp_path / "similarity.png") as picture:
        assert picture.format == "PNG"
    assert len((tmp_path / "loops.csv").read_text().splitlines()) == 1 + report["loops"]
    assert main([*given, "--within", "8", "--max-distance", "0.2"]) == 0
    said = capsys.readouterr()
    assert "ms to look for loops" in said.out
    assert "precision" in said.out
    assert "no threshold" not in said.err


def test_frames_and_a_network_give_the_same_loops(folder: Path, tmp_path: Path) -> None:
    model = ["--model", str(folder / "map" / "model"), "-q"]
    assert main(["loops", str(folder / "frames"), *model, "-o", str(tmp_path / "one")]) == 0
    assert main(["loops", str(folder / "map"), "-q", "-o", str(tmp_path / "two")]) == 0
    assert (tmp_path / "one" / "loops.csv").read_text() == (tmp_path / "two" / "loops.csv").read_text()


def test_online_the_loops_are_the_same(folder: Path, tmp_path: Path) -> None:
    assert main(["loops", str(folder / "map"), "-q", "-o", str(tmp_path), "--max-distance", "0.3"]) == 0
    detector = LoopDetector.open(folder / "map", rules=LoopRules(distance=0.3))
    found = []
    for number, file in enumerate(sorted((folder / "frames").iterdir())):
        found += detector.add(file, number / 2)
    written = (tmp_path / "loops.csv").read_text().splitlines()[1:]
    assert [f"{loop.query},{loop.match}" for loop in found] == [",".join(line.split(",")[2:4]) for line in written]
    assert found
    assert detector.latency is not None
    assert detector.latency.describe is not None


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "--output: name the folder"),
        (["-o", "out", "--support", "9"], "9 of the last 5 images can never agree"),
        (["-o", "out", "--rate", "0"], "--rate: 0 images a second"),
        (["-o", "out", "--model", "m"], "leave out --model and --every"),
        (["-o", "out", "--times", "none.txt"], "--times: none.txt cannot be read"),
        (["-o", "out", "--truth", "none.txt"], "--truth: none.txt cannot be read"),
    ],
)
def test_what_is_asked_wrongly(
    folder: Path, more: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["loops", str(folder / "map"), "-q", *more]) == 2
    assert said in capsys.readouterr().err
