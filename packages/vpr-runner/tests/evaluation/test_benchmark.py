"""mAP on made-up Oxford, Paris and Holidays folders of the official layout, restated query by query in plain Python."""

from __future__ import annotations

import json
import math
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from vpr_runner import load_retriever
from vpr_runner.cli import main

RUN = """
dataset: {type: city, size: small}
backbone: {type: tiny, width: 0.25, norm: none}
pooling: {type: avg}
image: {size: [32, 32]}
eval: {bootstrap: 50}
compute: {device: cpu, threads: 1, batch: 3}
"""
FIELD = 49  # of tiny's five convolutions: 1 + 4 + 2 * 2 + 2 * 4 + 2 * 8 + 2 * 8


def paint(path: Path, seed: int, size: tuple[int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, size=(12, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).save(path, quality=95)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network with random weights and a whitening layer, so that nothing is rendered to start it."""
    from vpr_core import build_registry, load_run_file
    from vpr_runner import assemble, save_retriever
    from vpr_runner.network.retriever import WhiteningLayer

    folder = tmp_path_factory.mktemp("model")
    (folder / "run.yaml").write_text(RUN)
    registry = build_registry()
    config = load_run_file(folder / "run.yaml", registry)
    retriever = assemble(config, registry)
    generator = torch.Generator().manual_seed(2)
    weight = torch.randn(12, retriever.out_dim, generator=generator)
    retriever.whitening = WhiteningLayer(weight=weight, bias=torch.randn(12, generator=generator) * 0.1)
    save_retriever(retriever, folder / "model", config)
    return folder


@pytest.fixture(scope="module")
def oxford(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("oxford")
    names = [f"all_souls_{n:06d}" for n in range(6)] + [f"christ_church_{n:06d}" for n in range(5)]
    for number, name in enumerate(names):
        paint(root / "images" / f"{name}.jpg", number, (150, 110) if number % 3 else (128, 140))
    truth = root / "groundtruth"
    truth.mkdir()
    rows = {
        "all_souls_1": ("all_souls_000001", "40.2 30.7 90.1 80.9", names[1:3], names[4:5], names[0:1]),
        "christ_church_1": ("christ_church_000002", "5 6 100.5 90.5", names[8:10], [], names[5:7]),
    }
    for query, (image, box, good, ok, junk) in rows.items():
        (truth / f"{query}_query.txt").write_text(f"oxc1_{image} {box}\n")
        for level, listed in (("good", good), ("ok", ok), ("junk", junk)):
            (truth / f"{query}_{level}.txt").write_text("".join(f"{name}\n" for name in listed))
    return root


@lru_cache
def loaded(model: Path) -> Any:
    from vpr_core import build_registry

    return load_retriever(model, build_registry())[0]


def describe(model: Path, image: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return loaded(model)(torch.from_numpy(image.copy()).permute(2, 0, 1)[None])[0].double().numpy()


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def average_precision(query: np.ndarray, database: dict[str, np.ndarray], right: set[str], out: set[str]) -> float:
    """The trapezoid rule of Oxford's ``compute_ap``, walked down the ranking."""
    order = sorted(database, key=lambda name: float(np.linalg.norm(query - database[name])))
    found, seen, area, recall, precision = 0, 0, 0.0, 0.0, 1.0
    for name in order:
        if name in out:
            continue
        seen += 1
        found += name in right
        area += (found / len(right) - recall) * (precision + found / seen) / 2
        recall, precision = found / len(right), found / seen
    return area


def evaluated(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["eval", *map(str, arguments), "--json", "-q"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("query", ["full", "crop"])
def test_oxford(oxford: Path, model: Path, capsys: pytest.CaptureFixture[str], query: str) -> None:
    database = {path.stem: describe(model, pixels(path)) for path in sorted((oxford / "images").iterdir())}
    expected = []
    for file in sorted((oxford / "groundtruth").glob("*_query.txt")):
        word, *box = file.read_text().split()
        name = word.removeprefix("oxc1_")
        levels = {
            level: set(file.with_name(file.name.replace("query", level)).read_text().split())
            for level in ("good", "ok", "junk")
        }
        descriptor = database[name]
        if query == "crop":
            image = pixels(oxford / "images" / f"{name}.jpg")
            left, top = (max(1, math.floor(float(value) - FIELD / 2 + 0.5)) for value in box[:2])
            right, bottom = (
                min(side, math.floor(float(value) + FIELD / 2 + 0.5))
                for value, side in zip(box[2:], (image.shape[1], image.shape[0]), strict=True)
            )
            descriptor = describe(model, image[top - 1 : bottom, left - 1 : right])
        expected.append(average_precision(descriptor, database, levels["good"] | levels["ok"], levels["junk"]))
    report = evaluated(capsys, model, "--retrieval", "oxford5k", "--root", oxford, "--query", query)
    assert report["protocol"] == {"full": "oxford5k@full", "crop": "oxford5k@crop+24.5px"}[query]
    assert report["average_precision"] == pytest.approx(expected, abs=1e-6)
    assert report["map"] == pytest.approx(sum(expected) / 2, abs=1e-6)
    assert (report["queries"], report["images"], report["dim"]) == (2, 11, 12)
    assert report["interval"][0] <= report["map"] <= report["interval"][1]


def test_holidays_ignores_the_query_shrinks_large_images_and_shortens(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed, number in enumerate((100000, 100001, 100002, 100100, 100101, 100200)):
        paint(tmp_path / "jpg" / f"{number}.jpg", seed, (1200, 800) if number == 100001 else (96, 72))
    from vpr_data import resize_image

    database = {}
    for path in sorted((tmp_path / "jpg").iterdir()):
        image = pixels(path)
        if image.shape[0] * image.shape[1] > 1024 * 768:
            factor = math.sqrt(1024 * 768 / (image.shape[0] * image.shape[1]))
            size = (int(image.shape[0] * factor), int(image.shape[1] * factor))
            assert size[0] * size[1] <= 1024 * 768
            image = resize_image(torch.from_numpy(image.copy()).permute(2, 0, 1), size).permute(1, 2, 0).numpy()
        short = describe(model, image)[:5]
        database[path.stem] = short / np.linalg.norm(short)
    expected = [
        average_precision(database[query], database, right, {query})
        for query, right in {"100000": {"100001", "100002"}, "100100": {"100101"}}.items()
    ]
    report = evaluated(capsys, model, "--retrieval", "holidays", "--root", tmp_path, "--dim", 5)
    assert report["protocol"] == "holidays@full-notself"
    assert report["average_precision"][:2] == pytest.approx(expected, abs=1e-6)
    assert report["average_precision"][2] is None
    assert report["without_positives"] == 1
    assert report["map"] == pytest.approx(sum(expected) / 2, abs=1e-6)
    assert report["dim"] == 5


def test_the_text_names_protocol_and_interval(
    oxford: Path, model: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    options = ["--retrieval", "oxford5k", "--root", str(oxford), "--query", "crop", "--receptive-field", "196", "-q"]
    assert main(["eval", str(model), *options, "-o", str(tmp_path / "report.json")]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "oxford5k@crop+98px: 2 queries, 11 images"
    assert out[1].startswith("  mAP ")
    assert "95 %" in out[1]
    assert json.loads((tmp_path / "report.json").read_text())["protocol"] == "oxford5k@crop+98px"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--retrieval", "oxford"], "'oxford' is none of oxford5k, paris6k, holidays, holidays-upright"),
        (["--retrieval", "paris6k"], "--root: say where paris6k lies; `vpr data fetch paris6k`"),
        (["--query", "crop"], "belong to --retrieval NAME"),
        (["--dim", "13"], "--dim: 13 numbers of descriptors that have 12"),
        (["--retrieval", "oxford5k", "--root", "{oxford}", "--split", "test"], "has no splits"),
        (["--retrieval", "oxford5k", "--root", "{oxford}", "--dim", "13"], "13 numbers of descriptors that have 12"),
        (["--retrieval", "holidays", "--root", "{oxford}"], "has no folder 'jpg'"),
    ],
)
def test_what_is_refused(
    oxford: Path, model: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["eval", str(model), *(item.format(oxford=oxford) for item in arguments), "-q"]) == 2
    assert said in capsys.readouterr().err
