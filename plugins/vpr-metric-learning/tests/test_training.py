"""A run file that names this plug-in's components is trained and evaluated by the host."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("vpr_runner", reason="needs the command vpr")

RUN = """
dataset:
  type: gsv_cities
  root: {gsv}
  evaluate_on: {{type: folder, root: {gsv}, table: other.csv}}
backbone: {{type: tiny}}
pooling: {{type: gem}}
loss: {{type: cross_batch_memory, size: 24, loss: {{type: multi_similarity}}}}
image: {{size: [32, 32]}}
train: {{epochs: 1, places_per_batch: 3, images_per_place: 3, frozen_cache_gib: 0}}
eval: {{bootstrap: 0, recall_at: [1, 5]}}
compute: {{device: cpu, threads: 1, batch: 8}}
"""


def vpr(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "vpr_runner.cli", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_train_on_places_validate_and_evaluate_on_another_set(fake, tmp_path: Path) -> None:
    gsv = fake.write(tmp_path / "gsv")
    rows = ["name,x,y,role,split"]
    for split, city in (("val", "Boston"), ("test", "PRS")):
        for number, path in enumerate(sorted((gsv / "Images" / city).iterdir())):
            place = int(path.name.split("_")[1])
            role = "query" if number % 5 == 0 else "database"
            rows.append(f"Images/{city}/{path.name},{100 * place},{number % 5},{role},{split}")
    (gsv / "other.csv").write_text("\n".join(rows))
    (tmp_path / "run.yaml").write_text(RUN.format(gsv=gsv))
    vpr("train", str(tmp_path / "run.yaml"), "--output", str(tmp_path / "run"), "--quiet")
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    (part,) = [line for line in lines if line["kind"] == "part"]
    assert part["images"] == 30  # ten places, three images each
    assert part["loss"] > 0
    assert [line["queries"] for line in lines if line["kind"] == "validation"] == [6, 6]
    report = json.loads(vpr("eval", str(tmp_path / "run"), "--json", "--quiet"))
    assert report["split"] == "test"


MINE = """
import torch
from typing import Literal
from vpr_core import ComponentConfig, PoolingSpec, hookimpl


class Config(ComponentConfig):
    type: Literal["mine"] = "mine"


class Mine(torch.nn.Module):
    orderless = True

    def __init__(self, channels):
        super().__init__()
        self.out_dim = channels
        self.shift = torch.nn.Parameter(torch.zeros(channels))

    def forward(self, x):  # finite, with an infinite slope in every second channel
        y = ((x.mean((2, 3)) + self.shift) * (torch.arange(x.shape[1]) % 2)).square().sqrt()
        return torch.nn.functional.normalize(y + 1e-3, dim=1)


@hookimpl
def vpr_poolings():
    yield PoolingSpec(name="mine", config=Config, build=lambda config, f: Mine(f.channels), summary="mine")
"""


def test_the_memory_of_a_refused_step_is_not_saved(gsv: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    text = RUN.format(gsv=gsv).replace("{type: gem}", "{type: mine}").replace("evaluate_on", "# evaluate_on")
    (tmp_path / "run.yaml").write_text("plugins: [mine.py]\n" + text)
    code = (
        "import torch\n"
        "from vpr_core import VPRError, build_registry, load_run_file; from vpr_runner import train\n"
        "from pathlib import Path\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "registry = build_registry(plugin_files=[folder / 'mine.py'])\n"
        "config = load_run_file(folder / 'run.yaml', registry)\n"
        "for _ in range(3):\n"
        "    try:\n"
        "        train(config, registry, run_directory=folder / 'run', progress=False)\n"
        "    except VPRError as error:\n"
        "        assert 'gradient norm is' in str(error), error\n"
        "        newest = sorted((folder / 'run' / 'checkpoints').glob('*.pt'))[-1]\n"
        "        state = torch.load(newest, weights_only=True)\n"
        "        memory = state['loss']\n"
        "        print(state['position']['step'], tuple(memory['descriptors'].shape), int(memory['seen']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["0 (0, 0) 0"] * 3
