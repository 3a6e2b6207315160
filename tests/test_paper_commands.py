"""The paper's baselines and pictures on a very small city, through the command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

from vpr_runner.cli import main

RUN = """
dataset: {type: city, size: small}
backbone: {type: tiny, width: 0.25}
pooling: {type: netvlad, num_clusters: 8}
image: {size: [48, 64]}
init: {images: 20, locations: 50}
compute: {device: cpu, threads: 1, batch: 16}
eval: {bootstrap: 0}
"""
Vpr = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VPR_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def run_file(tmp_path: Path) -> Path:
    (tmp_path / "run.yaml").write_text(RUN)
    return tmp_path / "run.yaml"


@pytest.fixture
def vpr(capsys: pytest.CaptureFixture[str]) -> Vpr:
    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.mark.skipif(find_spec("cv2") is None, reason="OpenCV is not installed (extra sift)")
def test_root_sift_with_vlad_and_whitening_is_evaluated(run_file: Path, vpr: Vpr) -> None:
    sift = ["--set", "backbone={type: rootsift, step: 6}", "--set", "image.size=null"]
    sift += ["--set", "pooling={type: vlad, num_clusters: 16, ignore_zeros: true}"]
    recalls = {}
    for white, dim in (("null", 16 * 128), ("{dim: 32, images: 80}", 32)):
        code, out, err = vpr("eval", run_file, "-q", "--json", *sift, "--set", f"whiten={white}")
        assert code == 0, err
        report = json.loads(out)
        assert report["dim"] == dim
        recalls[dim] = report["recall"]["1"]
    # Chance is what a random ranking has: the share of right images in the database.
    assert min(recalls.values()) > 0.4


def test_explain_draws_queries_of_a_split(run_file: Path, tmp_path: Path, vpr: Vpr) -> None:
    code, out, err = vpr("explain", run_file, "-o", tmp_path / "out", "--count", 2, "--top", 3, "--stride", 12)
    assert code == 0, err
    assert out.startswith("city@25m: the first answer is right for ")
    files = sorted(path for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert sorted(out.splitlines()[1:]) == [str(path) for path in files]
    assert sorted(path.parent.name for path in files) == ["assignment"] * 2 + ["occlusion"] * 2 + ["out"]
    for path in files:
        with Image.open(path) as picture:
            assert picture.format == "PNG"
            assert picture.width > 200
    code, again, _ = vpr("explain", run_file, "-o", tmp_path / "out", "--count", 2, "--what", "retrieval", "-q")
    assert code == 0
    assert again.splitlines()[1:] == [str(tmp_path / "out" / "retrieval.png")]


def test_explain_draws_photos_of_ones_own(run_file: Path, tmp_path: Path, vpr: Vpr) -> None:
    photo = tmp_path / "mine.jpg"
    Image.linear_gradient("L").resize((90, 70)).convert("RGB").save(photo)
    code, out, err = vpr("explain", run_file, photo, "-o", tmp_path / "out", "--stride", 20, "--window", 10, "-q")
    assert code == 0, err
    assert [Path(line).parent.name for line in out.splitlines()] == ["occlusion", "assignment"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--what", "retrieval", "{photo}", "-o", "out"], "is for queries of a split"),
        (["--what", "assignment", "--set", "pooling={type: max}", "-o", "out"], "max assigns nothing to clusters"),
        ([], "--output: name the folder that pictures go to"),
        (["{photo}", "-o", "out", "--what", "everything"], "'everything' is not one of"),
    ],
)
def test_explain_refuses(run_file: Path, tmp_path: Path, vpr: Vpr, arguments: list[str], said: str) -> None:
    code, _, err = vpr("explain", run_file, *(item.replace("{photo}", str(tmp_path / "no.jpg")) for item in arguments))
    assert code == 2
    assert said in err
    assert "Traceback" not in err
