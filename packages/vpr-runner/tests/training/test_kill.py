"""``kill -9``, then start again: the same bytes. A few points here; the full fault script has many."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vpr_runner.network.storage import MODEL_FILE

SCRIPT = Path(__file__).parents[1] / "train_in_process.py"


def start(config: Path, folder: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, str(SCRIPT), str(config), str(folder)], env=environment)


def bytes_and_metrics(folder: Path) -> tuple[bytes, list[dict]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        for timing in ("time", "samples_per_second", "images_per_second"):
            line.pop(timing, None)
    return (folder / "model" / MODEL_FILE).read_bytes(), lines


@pytest.mark.slow
@pytest.mark.fault
def test_killed_at_several_points_it_ends_with_the_same_bytes(make_config, tmp_path: Path) -> None:
    config = tmp_path / "run.json"
    settings = make_config(train={"epochs": 4}, pooling={"type": "netvlad", "num_clusters": 4})
    config.write_text(settings.model_dump_json())
    assert start(config, tmp_path / "undisturbed").wait(timeout=120) == 0

    folder = tmp_path / "killed"
    for lines in (1, 2, 3, 5, 7, 9):
        process = start(config, folder)
        metrics = folder / "metrics.jsonl"
        deadline = time.monotonic() + 60
        # Kill a little after the line of a part appears: in the middle of whatever comes next.
        while time.monotonic() < deadline and process.poll() is None:
            if metrics.exists() and len(metrics.read_bytes().splitlines()) >= lines:
                break
            time.sleep(0.002)
        time.sleep(0.013 * (lines % 3))
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert start(config, folder).wait(timeout=120) == 0
    assert bytes_and_metrics(folder) == bytes_and_metrics(tmp_path / "undisturbed")
