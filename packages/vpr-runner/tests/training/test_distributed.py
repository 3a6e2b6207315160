"""Two processes do what one does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from vpr_core import UsageError
from vpr_runner.distributed import ONE_PROCESS, Ranks, process_group

HERE = Path(__file__).parents[1]


@pytest.mark.parametrize("count", [0, 1, 5, 12])
@pytest.mark.parametrize("world", [1, 2, 5])
def test_shares_cover_everything_once_and_evenly(count: int, world: int) -> None:
    shares = [list(range(count))[Ranks(rank=rank, world=world).share(count)] for rank in range(world)]
    assert [item for share in shares for item in share] == list(range(count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_one_process_needs_no_group(monkeypatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with process_group(torch.device("cpu")) as ranks:
        assert ranks is ONE_PROCESS
        out = np.zeros((2, 2))
        ranks.gather_rows(np.ones((2, 2)), out)
        assert (out == 1).all()
        ranks.wait()


def test_an_environment_that_no_launcher_makes(monkeypatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "many")
    with pytest.raises(UsageError, match="WORLD_SIZE is 'many'"), process_group(torch.device("cpu")):
        pass


def launch(script: str, processes: int, *arguments: str) -> None:
    done = started(script, processes, *arguments)
    assert done.returncode == 0, done.stderr


def started(script: str, processes: int, *arguments: str, look: float = 0.1) -> subprocess.CompletedProcess[str]:
    """``look``: seconds between torchrun's looks at its processes; it ends all that are left when one has died."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable]
    if processes > 1:
        command += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        command += [f"--monitor-interval={look}"]
    command += [str(HERE / script), *arguments]
    return subprocess.run(command, env=environment, timeout=240, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_one_step_and_one_encoding_equal_those_of_one_process(make_config, tmp_path: Path) -> None:
    config = tmp_path / "run.json"
    config.write_text(make_config(dataset={"places": 11}).model_dump_json())
    found = {}
    for processes in (1, 2):
        launch("step_in_processes.py", processes, str(config), str(tmp_path / f"{processes}.json"))
        found[processes] = json.loads((tmp_path / f"{processes}.json").read_text())
    one, two = found[1], found[2]
    assert two["world"] == 2
    assert two["count"] == one["count"] > 0
    assert two["total"] == pytest.approx(one["total"], rel=1e-6)
    gradient = np.array(one["gradient"])
    assert np.abs(gradient).max() > 0
    np.testing.assert_allclose(two["gradient"], gradient, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(two["rows"], one["rows"], atol=1e-6)


@pytest.mark.slow
def test_extraction_is_shared_and_a_dead_process_costs_only_its_own_chunks(make_config, tmp_path: Path) -> None:
    from vpr_runner import load_descriptors

    config = tmp_path / "run.json"
    config.write_text(make_config().model_dump_json())
    script = [sys.executable, str(HERE / "extract_in_process.py"), str(config)]

    def start(rank: int, world: int, folder: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "RANK": str(rank), "WORLD_SIZE": str(world)}
        return subprocess.Popen([*script, str(tmp_path / folder)], env=environment)

    assert start(0, 1, "alone").wait(timeout=240) == 0
    assert start(1, 2, "shared").wait(timeout=240) == 0  # rank 0 never came
    with pytest.raises(UsageError, match="chunk 0 of 4 is missing"):
        load_descriptors(tmp_path / "shared")
    both = [start(rank, 2, "shared") for rank in range(2)]
    assert [process.wait(timeout=240) for process in both] == [0, 0]
    load_descriptors(tmp_path / "shared").verify()
    for number in range(4):
        name = f"{number:06d}.npy"
        assert (tmp_path / "shared" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()


def metrics(folder: Path) -> list[dict]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: line[key] for key in line if "second" not in key and key != "time"} for line in lines]


@pytest.mark.slow
def test_a_whole_run_in_two_processes_mines_the_same_tuples(make_config, tmp_path: Path) -> None:
    config = tmp_path / "run.json"
    config.write_text(make_config(train={"epochs": 1, "max_queries": 5}).model_dump_json())
    for processes in (1, 2):
        launch("train_in_process.py", processes, str(config), str(tmp_path / str(processes)))
    one, two = (metrics(tmp_path / str(processes)) for processes in (1, 2))
    assert [line["kind"] for line in one] == [line["kind"] for line in two] == ["validation", "part", "validation"]
    # Mined before any step, by the same weights: the same tuples, and the same memory of them.
    assert one[1]["violating"] == two[1]["violating"] > 0
    assert two[1]["loss"] == pytest.approx(one[1]["loss"], rel=1e-3)
    memories = [
        torch.load(max((tmp_path / name / "checkpoints").glob("*.pt")), weights_only=True)["miner"] for name in "12"
    ]
    assert memories[0] == memories[1]
    assert len(memories[0]["memory"]) == 5


@pytest.mark.slow
@pytest.mark.fault
def test_a_process_that_dies_ends_the_job_in_a_sentence_and_the_next_start_resumes(make_config, tmp_path: Path) -> None:
    config = tmp_path / "run.json"
    config.write_text(make_config(train={"epochs": 1, "max_queries": 6}).model_dump_json())
    launch("train_in_process.py", 2, str(config), str(tmp_path / "undisturbed"))
    died = started("train_in_process.py", 2, str(config), str(tmp_path / "run"), "2", look=10)  # time to speak
    assert died.returncode != 0
    assert "another process of this job has ended" in died.stderr
    assert "goes on from its last checkpoint" in died.stderr
    assert "SIGKILL" in died.stderr  # what torchrun says of the one that died
    assert not (tmp_path / "run" / "report.json").exists()
    launch("train_in_process.py", 2, str(config), str(tmp_path / "run"))
    assert metrics(tmp_path / "run") == metrics(tmp_path / "undisturbed")
    model = Path("model") / "model.safetensors"
    assert (tmp_path / "run" / model).read_bytes() == (tmp_path / "undisturbed" / model).read_bytes()
