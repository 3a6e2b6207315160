"""A run file that names a published network is evaluated and extracted from by the host."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("vpr_runner", reason="needs the command vpr")
Image = pytest.importorskip("PIL.Image")

RUN = """
dataset: {{type: folder, root: {root}, table: t.csv}}
backbone: {{type: hub_cosplace, dim: 64, backbone: ResNet18, local: {checkout}{agreed}}}
pooling: {{type: finished}}
image: {{size: [32, 48]}}
eval: {{bootstrap: 0, recall_at: [1, 5]}}
compute: {{device: cpu, threads: 1, batch: 8}}
"""
AGREED = ", accept_licence: true, trust_repo: true"


def vpr(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vpr_runner.cli", *arguments], capture_output=True, text=True, check=False
    )


@pytest.fixture
def run_file(folder: Path, tmp_path: Path):
    rng, rows = np.random.default_rng(0), ["name,x,y,role,split"]
    for place in range(6):
        colour = rng.random(3)
        for role in ("database", "query"):
            pixels = 0.9 * colour + 0.1 * rng.random((32, 48, 3))
            Image.fromarray((255 * pixels).astype(np.uint8)).save(tmp_path / f"{role}{place}.png")
            rows.append(f"{role}{place}.png,{100 * place},0,{role},test")
    (tmp_path / "t.csv").write_text("\n".join(rows))

    def write(agreed: str) -> Path:
        (tmp_path / "run.yaml").write_text(RUN.format(root=tmp_path, checkout=folder, agreed=agreed))
        return tmp_path / "run.yaml"

    return write


def test_eval_and_extract(run_file, tmp_path: Path) -> None:
    path = run_file(AGREED)
    done = vpr("eval", str(path), "--json", "--quiet")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)  # the repository's own prints are not in it
    assert report["dim"] == 64
    assert report["provenance"]["weights"]["repository"] == "gmberton/CosPlace"  # what made the number stands beside it
    assert len(report["provenance"]["weights"]["weights_sha256"]) == 64
    done = vpr("extract", str(path), "--split", "test", "--output", str(tmp_path / "map"), "--quiet")
    assert done.returncode == 0, done.stderr
    (chunk,) = (tmp_path / "map").rglob("*.npy")
    rows = np.load(chunk)
    assert rows.shape == (6, 64)
    assert np.linalg.norm(rows.astype(np.float64), axis=1) == pytest.approx(np.ones(len(rows)), abs=1e-3)


def test_not_agreed_to_it_is_one_message(run_file) -> None:
    done = vpr("eval", str(run_file("")), "--quiet")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "error: backbone: gmberton/CosPlace is not used before you agree to it" in done.stderr
    assert done.stdout == ""
