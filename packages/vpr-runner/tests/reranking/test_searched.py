"""``vpr search`` with a re-ranker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vpr_data import ImageSet
from vpr_runner import assemble
from vpr_runner.cli import main
from vpr_runner.maps.write import write_map


@pytest.fixture
def made(make_config: Any, engine_registry: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A map of six textures; the photo that is asked for is the fourth, moved and darker."""
    monkeypatch.setenv("VPR_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    for number in range(6):
        wide = np.full((120, 170, 3), 128, np.uint8)
        for _ in range(160):
            y, x, a, b = rng.integers(0, [110, 160, 24, 24])
            wide[y : y + a, x : x + b] = rng.integers(0, 256, size=3)
        Image.fromarray(wide[:, :160]).save(tmp_path / f"{number}.png")
        if number == 3:
            Image.fromarray(wide[:, 10:] // 2).save(tmp_path / "query.png")
    names = [f"{number}.png" for number in range(6)]
    images = ImageSet(root=tmp_path, names=names, xy=np.arange(12.0).reshape(6, 2))
    config = make_config(image={"size": [120, 160]})
    write_map(assemble(config, engine_registry).eval(), images, output=tmp_path / "map", config=config, progress=False)
    return tmp_path / "map"


def search(made: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str, str]:
    code = main(["search", str(made), str(made.parent / "query.png"), "-q", *options])
    out, err = capsys.readouterr()
    return code, out, err


def test_answers_are_reordered_and_keep_their_distances(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("cv2", reason="OpenCV is not installed (extra opencv)")
    _, plain, _ = search(made, capsys, "--json", "-k", "6")
    before = json.loads(plain)[0]
    rootsift = ("--set", "rerank={type: rootsift, first: 6}")
    code, out, _ = search(made, capsys, "--json", "-k", "6", "--images", str(made.parent), *rootsift)
    after = json.loads(out)[0]
    assert code == 0
    assert after["answers"][0]["image"] == "3.png"
    assert [answer["rank"] for answer in after["answers"]] == [1, 2, 3, 4, 5, 6]
    distance = {answer["image"]: answer["distance"] for answer in before["answers"]}
    assert {answer["image"]: answer["distance"] for answer in after["answers"]} == distance
    assert after["estimate"] == before["estimate"]
    code, _, err = search(made, capsys, *rootsift)
    assert code == 2
    assert "say where they are with --images DIR" in err


@pytest.mark.parametrize("kind", ["query_expansion, neighbours: 2", "k_reciprocal, k1: 3, k2: 2"])
def test_descriptors_need_no_images(made: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    code, out, _ = search(made, capsys, "--json", "-k", "4", "--set", f"rerank={{type: {kind}, first: 6}}")
    assert code == 0
    assert len({answer["image"] for answer in json.loads(out)[0]["answers"]}) == 4
