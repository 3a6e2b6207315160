"""Ray itself: a simulated cluster of two machines, one of which is lost in the middle."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vpr_core import build_registry
from vpr_core.testing import EngineContract, Trial, breaches

STORE = 80 * 2**20
RUN = """
dataset: {{type: folder, root: {root}}}
backbone: {{type: tiny, width: 0.34}}
pooling: {{type: held_mean, folder: {root}}}
image: {{size: [32, 40]}}
compute: {{device: cpu, workers: 0, batch: 2, threads: 1}}
"""


@contextlib.contextmanager
def cluster_of_two() -> Iterator[Any]:
    """Yield a cluster: a head with one CPU and another machine with one CPU, both simulated here."""
    from ray.cluster_utils import Cluster

    folder = tempfile.mkdtemp(prefix="r")  # Ray's sockets lie below it, and their paths may not be long
    machine = {"num_cpus": 1, "object_store_memory": STORE, "include_dashboard": False, "temp_dir": folder}
    cluster = Cluster(initialize_head=True, head_node_args=machine)
    try:
        cluster.add_node(**machine)
        yield cluster
    finally:
        cluster.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def lose_a_machine(cluster: Any, folder: Path) -> dict[str, str]:
    """Wait until both machines are in the middle of a chunk, take one away, let the other go on."""
    try:
        deadline = time.monotonic() + 240
        while len(held := {file.name: file.read_text() for file in folder.glob("held-*")}) < 2:
            if time.monotonic() > deadline:
                return held
            time.sleep(0.05)
        (lost,) = (node for node in cluster.list_all_nodes() if node is not cluster.head_node)
        cluster.remove_node(lost, allow_graceful=False)
        for name, node in held.items():
            if node == lost.node_id:  # a machine that is gone takes its processes along
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(name.removeprefix("held-")), signal.SIGKILL)
        return held
    finally:
        (folder / "hold").unlink()


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.timeout(600)
def test_a_cluster_keeps_the_contract_and_a_lost_machine_changes_no_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """One test, so that the suite on several processes starts one cluster only."""
    pytest.importorskip("vpr_runner")
    from PIL import Image

    from vpr_runner.cli import main

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    photos = tmp_path / "bilder ü"
    photos.mkdir()
    generator = np.random.default_rng(0)
    for number in range(11):
        pixels = generator.integers(0, 255, size=(32, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(photos / f"{number:02d}.png")
    (tmp_path / "run.yaml").write_text(RUN.format(root=photos), encoding="utf-8")
    extract = ["extract", str(tmp_path / "run.yaml"), str(photos), "--chunk", "2", "--quiet"]
    extract += ["--plugin", str(Path(__file__).with_name("held_pooling.py"))]
    assert main([*extract, "--output", str(tmp_path / "here")]) == 0

    with cluster_of_two() as cluster:
        spec = build_registry().get("engine", "ray")
        # More workers than there is room for: those that never start must hold up nothing.
        trial = Trial(parameters={"address": cluster.address, "workers": 3})
        assert breaches(EngineContract, spec, trial) == {}

        (photos / "hold").touch()
        held: dict[str, str] = {}
        striker = threading.Thread(target=lambda: held.update(lose_a_machine(cluster, photos)))
        striker.start()
        engine = f"engine={{type: ray, address: '{cluster.address}'}}"
        code = main([*extract, "--output", str(tmp_path / "there"), "--set", engine])
        striker.join()
    assert code == 0, capfd.readouterr().err
    assert len(set(held.values())) == 2, "the two machines were not both at work"
    here, there = contents(tmp_path / "here"), contents(tmp_path / "there")
    assert list(there) == list(here)
    assert [name for name in here if here[name] != there[name]] == []
    assert sum(name.endswith(".npy") for name in here) == 6
