"""The whole path on a very small city, through the command line: train, evaluate, extract, search, bench."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vpr_core import build_registry
from vpr_runner import load_descriptors, load_retriever
from vpr_runner.bench import load_suite
from vpr_runner.bench.installed import missing
from vpr_runner.cli import main

ROOT = Path(__file__).resolve().parents[1]
RUN = """
name: tiny
dataset: {type: city, size: small}
backbone: {type: tiny, width: 0.25}
pooling: {type: netvlad, num_clusters: 8}
image: {size: [48, 64]}
init: {images: 20, locations: 50}
train: {epochs: 2, optimizer: adam, cache_every: 12, max_queries: 16}
compute: {device: cpu, threads: 1}
eval: {recall_at: [1, 5, 10], bootstrap: 100}
"""
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Render the city once for this module, and leave the user's cache alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VPR_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("work")
    (path / "run.yaml").write_text(RUN)
    return path


@pytest.fixture(scope="module")
def trained(folder: Path, cache: None) -> Path:
    with contextlib.redirect_stderr(io.StringIO()) as said:
        assert main(["train", str(folder / "run.yaml"), "-o", str(folder / "run"), "--quiet"]) == 0
    assert "city" not in said.getvalue()  # quiet, though the city was rendered
    return folder / "run"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def vpr(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return vpr


def test_run_directory_says_what_was_done_with_what(trained: Path) -> None:
    assert {"config.yaml", "environment.json", "data.json", "metrics.jsonl", "best", "model"} <= {
        path.name for path in trained.iterdir()
    }
    environment = json.loads((trained / "environment.json").read_text())
    assert {"vpr-runner", "vpr-pooling", "torch"} <= set(environment["versions"])
    lines = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    validations = [line for line in lines if line["kind"] == "validation"]
    assert [line["epoch"] for line in validations] == [0, 1, 2]
    assert any(line["kind"] == "part" and line["images"] > 0 for line in lines)
    assert json.loads((trained / "data.json").read_text())["fingerprint"]


def test_training_again_goes_on_from_the_end_and_changes_nothing(trained: Path, folder: Path, run: Run) -> None:
    before = (trained / "model" / "model.safetensors").read_bytes()
    code, out, _ = run("train", folder / "run.yaml", "-o", trained)
    assert code == 0
    assert "best:" in out
    assert (trained / "model" / "model.safetensors").read_bytes() == before


def test_training_something_else_into_the_folder_is_refused(trained: Path, folder: Path, run: Run) -> None:
    code, _, err = run("train", folder / "run.yaml", "-o", trained, "--set", "train.lr=0.5")
    assert code == 2
    assert "train.lr was 0.001, is now 0.5" in err
    assert "Traceback" not in err


def test_eval_prints_recall_with_protocol_and_interval(trained: Path, folder: Path, run: Run) -> None:
    code, out, err = run("eval", trained)
    assert code == 0
    assert out.startswith("city@25m: 20 queries, 48 database images, split test\n")
    shown = {int(at): float(value) for at, value in re.findall(r"recall@(\d+) +([\d.]+)  95 %", out)}
    code, out, _ = run("eval", trained, "--json", "--output", folder / "report.json")
    assert code == 0
    report = json.loads(out)
    assert json.loads((folder / "report.json").read_text()) == report
    assert shown == {int(at): round(100 * value, 2) for at, value in report["recall"].items()}
    assert report["protocol"] == "city@25m"
    assert report["provenance"]["data"] == json.loads((trained / "data.json").read_text())["fingerprint"]
    assert report["provenance"]["model"] == json.loads((trained / "model" / "model.json").read_text())["fingerprint"]
    assert {"seed", "code", "versions"} <= set(report["provenance"])
    ranks = np.array(report["first_hits"])
    assert report["recall"]["5"] == np.mean((ranks >= 1) & (ranks <= 5))
    assert not CONTROL.search(err)


def test_eval_of_another_split_and_of_the_untrained_network(trained: Path, folder: Path, run: Run) -> None:
    code, out, _ = run("eval", trained, "--split", "val", "-q")
    assert code == 0
    assert "10 queries, 32 database images, split val" in out
    code, out, _ = run("eval", folder / "run.yaml", "-q")
    assert code == 0
    assert "20 queries" in out
    code, _, err = run("eval", trained, "--split", "tset")
    assert code == 2
    assert "train, val, test" in err


@pytest.fixture(scope="module")
def extracted(trained: Path, folder: Path) -> Path:
    assert main(["extract", str(trained), "-o", str(folder / "map"), "--split", "test", "--chunk", "20", "-q"]) == 0
    return folder / "map"


def test_extract_writes_unit_rows_in_chunks_and_goes_on(trained: Path, extracted: Path, run: Run) -> None:
    assert sorted(path.name for path in extracted.glob("*.npy")) == ["000000.npy", "000001.npy", "000002.npy"]
    rows = load_descriptors(extracted)[:]
    assert rows.shape[0] == 48
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)

    (extracted / "000001.npy").unlink()
    code, out, _ = run("extract", trained, "-o", extracted, "--split", "test", "--chunk", "20", "-q")
    assert code == 0
    assert out.startswith("48 images, 20 of them now")
    np.testing.assert_array_equal(load_descriptors(extracted)[:], rows)


def test_search_finds_what_the_descriptors_say(trained: Path, extracted: Path, run: Run) -> None:
    root = Path(json.loads((extracted / "origin.json").read_text())["root"])
    queries = sorted((root / "test" / "queries").iterdir())[:3]
    code, out, _ = run("search", extracted, *queries, "-k", "4", "--json", "-q")
    assert code == 0
    answers = json.loads(out)
    assert [item["query"] for item in answers] == [str(query) for query in queries]

    retriever, _ = load_retriever(trained, build_registry())
    rows = load_descriptors(extracted)
    for query, item in zip(queries, answers, strict=True):
        distances = np.linalg.norm(rows[:].astype(np.float64) - _descriptor(retriever, query), axis=1)
        order = np.argsort(distances, kind="stable")[:4]
        assert [answer["image"] for answer in item["answers"]] == [rows.names[row] for row in order]
        np.testing.assert_allclose([a["distance"] for a in item["answers"]], distances[order], atol=1e-3)
        assert all(isinstance(answer["x"], float) for answer in item["answers"])

    code, out, _ = run("search", extracted, queries[0], "-k", "2", "-q")
    assert code == 0
    assert out.splitlines()[0] == str(queries[0])
    assert re.fullmatch(r" +1  \d\.\d{4}  test/database/\S+  x [\d.]+  y [\d.]+", out.splitlines()[1])


def test_eval_writes_a_page_and_tables_of_what_was_found(trained: Path, tmp_path: Path, run: Run) -> None:
    code, _, err = run("eval", trained, "-q", "--html", tmp_path / "page.html", "--csv", tmp_path / "answers.csv")
    assert (code, err) == (0, "")
    page = (tmp_path / "page.html").read_text()
    assert "num_clusters: 8" in page  # the run file
    assert 'id="accepted"' in page  # precision and recall of first answers
    with (tmp_path / "answers.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["query"] for row in rows}) == 20
    assert all((float(row["metres"]) <= 25) == (row["right"] == "true") for row in rows)
    for option, value, why in (
        ("--geojson", tmp_path / "errors.geojson", "no latitudes and longitudes"),  # metres from nobody knows where
        ("--tiles", "https://tile.example/{z}/{x}/{y}.png", "belongs to a page"),
        ("--retrieval", "oxford5k", "has no positions to show"),
    ):
        extra = () if option == "--tiles" else ("--csv", tmp_path / "other.csv")
        code, _, err = run("eval", trained, "-q", option, value, *extra)
        assert code == 2
        assert why in err
    assert not (tmp_path / "other.csv").exists()


def test_a_map_is_calibrated_by_the_split_that_it_was_made_for(
    trained: Path, extracted: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The map, the run and `--set` each know the data set; all learn the same, under both names of the command."""
    named = tmp_path / "map"
    shutil.copytree(extracted, named)  # moved: it is known by what it holds
    learnt = []
    for arguments in (
        ("calibrate", named, "--split", "test"),
        ("calibrate", named, "--split", "test", "--set", "dataset={type: city, size: small}"),
        ("eval", trained, "--calibrate", named),
        ("eval", "--calibrate", named, "--split", "test"),
    ):
        code, out, err = run(*arguments, "--json", "-q")
        assert (code, err) == (0, "")
        learnt.append(json.loads(out)["calibration"])
        assert json.loads((named / "calibration.json").read_text()) == learnt[-1]
    assert learnt[0]["photos"] == 20
    assert learnt[0]["learnt"] == "queries of the split test"
    assert all(other == learnt[0] for other in learnt)
    code, out, _ = run("eval", "--calibrate", named, "--json", "-q")
    assert code == 0
    assert json.loads(out)["calibration"]["photos"] == 48  # without a split: its own images

    monkeypatch.setenv("VPR_CACHE", str(tmp_path / "elsewhere"))  # another machine
    code, _, err = run("calibrate", named, "--split", "test", "-q")
    assert code == 2
    assert "of which data set?" in err
    code, _, err = run("eval", trained, "--calibrate", named, "--html", tmp_path / "page.html")
    assert code == 2
    assert "--calibrate: asks a map, and --html" in err


def _descriptor(retriever: Any, path: Path) -> np.ndarray:
    import torch

    from vpr_data import image_batches

    batch = next(iter(image_batches([path], size=(48, 64), batch_size=1)))
    with torch.inference_mode():
        return retriever(batch.images)[0].double().numpy()


def test_search_of_a_database_image_finds_itself(extracted: Path, run: Run) -> None:
    root = Path(json.loads((extracted / "origin.json").read_text())["root"])
    name = load_descriptors(extracted).names[7]
    _, out, _ = run("search", extracted, root / name, "-k", "1", "--json", "-q")
    answer = json.loads(out)[0]["answers"][0]
    assert answer["image"] == name
    assert answer["distance"] < 2e-3


def test_search_refuses_another_model_and_what_is_no_map(
    trained: Path, extracted: Path, folder: Path, run: Run
) -> None:
    root = Path(json.loads((extracted / "origin.json").read_text())["root"])
    image = root / load_descriptors(extracted).names[0]
    code, _, err = run("search", extracted, image, "--set", "image.size=[32, 32]")
    assert code == 2
    assert "another model" in err
    code, _, err = run("search", folder, image, "--model", trained)
    assert code == 2
    assert "manifest.json" in err
    code, _, err = run("search", extracted, folder / "nothing.jpg")
    assert code == 2
    assert "nothing.jpg: no such file" in err


@pytest.mark.fault
def test_search_of_a_damaged_map_is_refused(extracted: Path, tmp_path: Path, run: Run) -> None:
    root = Path(json.loads((extracted / "origin.json").read_text())["root"])
    damaged = shutil.copytree(extracted, tmp_path / "map")
    chunk = damaged / "000000.npy"
    content = bytearray(chunk.read_bytes())
    content[-3] ^= 0x10
    chunk.write_bytes(content)
    code, _, err = run("search", damaged, root / load_descriptors(extracted).names[0])
    assert code == 2
    assert "000000.npy is damaged" in err


def test_search_of_a_map_without_a_readable_image(trained: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.jpg").write_bytes(b"")
    skip = ("--set", "compute.on_bad_image=skip")
    code, _, err = run("extract", trained, tmp_path / "bad", "-o", tmp_path / "map", "-q", *skip)
    assert code == 1
    assert "a.jpg: is empty" in err
    Image.new("RGB", (64, 48)).save(tmp_path / "q.png")
    code, _, err = run("search", tmp_path / "map", tmp_path / "q.png", "-q")
    assert code == 2
    assert "no image of the map could be read (1 are listed)" in err


def test_extract_of_a_plain_folder_reads_positions_from_names_and_reports_bad_images(
    trained: Path, extracted: Path, tmp_path: Path, run: Run
) -> None:
    root = Path(json.loads((extracted / "origin.json").read_text())["root"])
    for row, name in enumerate(load_descriptors(extracted).names[:3]):
        (tmp_path / f"@{500 + row}@{700 + row}@17@T@.png").write_bytes((root / name).read_bytes())
    code, _, _ = run("extract", trained, tmp_path, "-o", tmp_path / "map", "-q")
    assert code == 0
    assert (tmp_path / "map" / "images.csv").read_text().splitlines()[1].endswith(",500.000,700.000")

    (tmp_path / "@503@703@17@T@.png").write_bytes(b"no image")
    code, _, err = run("extract", trained, tmp_path, "-o", tmp_path / "second", "-q")
    assert code == 2
    assert "@503@703@" in err
    skipping = ["--set", "compute.on_bad_image=skip"]
    code, _, err = run("extract", trained, tmp_path, "-o", tmp_path / "third", "-q", *skipping)
    assert code == 1
    assert "1 images could not be read" in err
    code, out, _ = run(
        "search", tmp_path / "third", tmp_path / "@500@700@17@T@.png", "-k", "9", "--json", "-q", *skipping
    )
    assert code == 0
    assert len(json.loads(out)[0]["answers"]) == 3


def test_data_info_and_check(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("data", "info", "city", "--set", "size=small", "--json")
    assert code == 0
    splits = {part["split"]: part for part in json.loads(out)["splits"]}
    assert splits["test"]["queries"] == 20
    assert splits["train"]["without_positives"] == splits["train"]["untrainable"] == 0
    code, out, _ = run("data", "info", "city", "--set", "size=small", "--leaks")
    assert code == 0
    assert re.search(r"^    protocol +city@25m$", out, re.MULTILINE)
    assert "no leak found" in out
    code, out, _ = run("data", "check", "city", "--set", "size=small", "--decode")
    assert code == 0
    assert re.fullmatch(r"city: \d+ images, all of them there\n", out)

    (tmp_path / "list.csv").write_text("name,x,y,role\na.jpg,0,0,database\nb.jpg,1,1,queries\n")
    folder = ["folder", "--root", tmp_path, "--set", "table=list.csv"]
    code, out, _ = run("data", "check", *folder)
    assert code == 1
    assert "a.jpg" in out
    assert "2 images, 2 missing, 0 unreadable" in out
    (tmp_path / "a.jpg").write_bytes(b"no image")
    code, out, _ = run("data", "check", *folder, "--decode", "--json")
    assert code == 1
    facts = json.loads(out)
    assert [len(facts[key]) for key in ("missing", "unreadable")] == [1, 1]
    assert "a.jpg" in facts["unreadable"][0]


def test_data_fetch_says_whom_to_ask_and_downloads_nothing_unasked(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("data", "fetch", "holidays", "--root", tmp_path / "holidays")
    assert code == 0
    assert "ask for" in out
    assert "nothing of it may be downloaded without asking" in out
    assert not (tmp_path / "holidays").exists()
    code, out, _ = run("data", "fetch", "pitts30k")
    assert code == 0
    assert "nothing was downloaded: say where to with --root DIR" in out
    code, _, err = run("data", "fetch", "city")
    assert code == 2
    assert "pitts30k" in err


SUITE = """
name: two
title: Two pooling layers
base: run.yaml
table: pooling
methods:
  NetVLAD: {}
  GeM: {pooling: {type: gem}}
seeds: [0, 1]
tests: {val: {eval: {split: val}}, test: {}}
"""


def test_bench_runs_a_suite_is_resumable_and_shows_one_table(folder: Path, run: Run) -> None:
    (folder / "suite.yaml").write_text(SUITE)
    output = folder / "bench"
    arguments = ("bench", folder / "suite.yaml", "-o", output, "--set", "train.epochs=1")
    code, out, err = run(*arguments, "--seed", "0", "--only", "NetVLAD")
    assert code == 0
    assert "1 seed" in out
    assert "[2/2] NetVLAD, trained, seed 0: val recall@1" in err
    kept = {path.name: path.stat().st_mtime_ns for path in (output / "cells").iterdir()}
    assert len(kept) == 2

    code, out, err = run(*arguments)
    assert code == 0
    assert "2 of 8 cells are done already" in err
    assert not CONTROL.search(out + err)
    assert {name: (output / "cells" / name).stat().st_mtime_ns for name in kept} == kept
    assert out.count("mean ± standard deviation") == 2  # a table for each test
    assert len([line for line in out.splitlines() if line.startswith(("NetVLAD  ", "GeM  "))]) == 8

    result = json.loads((output / "result.json").read_text())
    assert result["seeds"] == [0, 1]
    assert len(result["cells"]) == 8
    row = next(row for row in result["rows"] if (row["method"], row["test"]) == ("GeM", "test"))
    assert row["dim"] * 4 == row["descriptor_bytes"]
    cell = next(cell for cell in result["cells"] if (cell["method"], cell["seed"]) == ("GeM", 1))
    ranks = np.array(cell["tests"]["test"]["first_hits"])
    assert cell["tests"]["test"]["recall"]["1"] == np.mean(ranks == 1)
    assert (output / "recall.png").read_bytes().startswith(b"\x89PNG")
    assert (output / "table.md").read_text().startswith("## Two pooling layers\n")

    code, out, _ = run(*arguments, "--plan")
    assert code == 0
    assert "8 cells, 0 to do, 0 trainings" in out
    code, out, _ = run("bench", "--render", output / "result.json")
    assert code == 0
    assert out.strip() in (output / "table.md").read_text()


def test_bench_runs_again_what_has_changed(folder: Path, run: Run) -> None:
    output = folder / "bench"
    code, out, _ = run("bench", folder / "suite.yaml", "-o", output, "--set", "train.epochs=2", "--plan")
    assert code == 0
    assert "8 cells, 8 to do, 4 trainings" in out


def test_pretraining_gives_every_method_its_backbone(folder: Path, run: Run) -> None:
    """Average pooling untrained is then the pretrained network itself, which was trained under average pooling."""
    suite = SUITE.replace("methods:", "pretraining: {pooling: {type: avg}, loss: {type: info_nce}}\nmethods:")
    suite = suite.replace("  GeM:", "  average: {pooling: {type: avg}, stages: [untrained]}\n  GeM:")
    suite = suite.replace("tests: {val: {eval: {split: val}}, test: {}}", "").replace("seeds: [0, 1]", "seeds: [1]")
    (folder / "pretrained.yaml").write_text(suite)
    output = folder / "pretrained"
    trainings = folder / "trainings"
    options = ("--only", "average", "--only", "GeM", "--trainings", trainings)
    code, _, err = run("bench", folder / "pretrained.yaml", "-o", output, *options)
    assert code == 0, err
    cells = {
        (cell["method"], cell["stage"]): cell for cell in json.loads((output / "result.json").read_text())["cells"]
    }
    assert set(cells) == {("average", "untrained"), ("GeM", "untrained"), ("GeM", "trained")}
    assert all(cell["pretraining"]["loss"]["type"] == "info_nce" for cell in cells.values())
    assert str(folder) not in (output / "result.json").read_text().replace(json.dumps(str(folder / "city")), "")
    runs = {path.parent.parent for path in trainings.glob("*/model/model.safetensors")}
    assert len(runs) == 2  # one pretraining for all, and GeM's training
    pretrained = next(path for path in runs if "info_nce" in (path / "model" / "model.json").read_text())
    code, out, _ = run("eval", pretrained, "--json")
    assert code == 0
    assert json.loads(out)["recall"] == cells["average", "untrained"]["tests"][""]["recall"]


@pytest.mark.fault
def test_terminated_training_saves_and_goes_on_to_the_same_weights(trained: Path, folder: Path) -> None:
    """SIGTERM in the middle: exit code 143, then the same command ends with the weights of an undisturbed run."""
    command = [sys.executable, "-m", "vpr_runner.cli", "train", str(folder / "run.yaml"), "-o", str(folder / "killed")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    metrics = folder / "killed" / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while not (metrics.exists() and '"kind": "part"' in metrics.read_text()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (143, 0)  # 0 only where it was done before the signal arrived
    assert "Traceback" not in err
    assert not CONTROL.search(err)
    done = subprocess.run([*command, "--quiet"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    model = Path("model") / "model.safetensors"
    assert (folder / "killed" / model).read_bytes() == (trained / model).read_bytes()


@pytest.mark.parametrize("suite", sorted((ROOT / "bench" / "suites").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_suite_of_the_repository_validates(suite: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in missing(load_suite(suite).requires):
        pytest.skip(f"{suite.name} requires {name}, which is not installed")
    monkeypatch.chdir(ROOT)
    code, out, err = run("validate", suite, "--data", "anywhere")
    assert code == 0, err
    assert ": ok (suite: " in out


def test_the_readme_shows_the_committed_results() -> None:
    from vpr_runner.bench.readme import rendered

    for document in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        text = document.read_text(encoding="utf-8")
        assert rendered(text, ROOT / "bench" / "results") == text, f"run: vpr bench --into {document.relative_to(ROOT)}"


def test_user_cache_is_left_alone() -> None:
    assert Path(os.environ["VPR_CACHE"]).is_dir()
