"""What the engine does when workers fail, with a Ray of a few lines: no process is started."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from vpr_core import build_registry
from vpr_ray import cluster, engine
from vpr_ray.plugin import RayConfig

Fate = Callable[[int, int], Exception | None]
"""Number of the worker and of the chunk (-1: the start) to what becomes of it."""


class Reference:
    def __init__(self, outcome: Exception | None, *, comes: bool = True) -> None:
        self.outcome, self.comes = outcome, comes


class Method:
    def __init__(self, call: Callable[..., Reference]) -> None:
        self.remote = call


class FakeRay:
    """Actors whose calls end at once, as ``fate`` says; a worker beyond ``room`` never starts."""

    def __init__(self, fate: Fate = lambda worker, chunk: None, *, room: int = 100) -> None:
        self.fate, self.room = fate, room
        self.made = 0
        self.killed: list[int] = []
        self.given: list[tuple[int, int]] = []
        self.connected = False

    def is_initialized(self) -> bool:
        return self.connected

    def init(self, **settings: Any) -> None:
        self.connected = True

    def shutdown(self) -> None:
        self.connected = False

    def remote(self, **options: Any) -> Any:
        return lambda worker: Method(self.actor)

    def actor(self) -> Any:
        number = self.made
        self.made += 1

        def compute(run: Any, job: Any, chunk: int) -> Reference:
            self.given.append((number, chunk))
            outcome = self.fate(number, chunk)
            if outcome is None:
                run(job, chunk)
            return Reference(outcome)

        class Actor:
            ready = Method(lambda: Reference(self.fate(number, -1), comes=number < self.room))

        actor = Actor()
        actor.compute = Method(compute)  # type: ignore[attr-defined]
        actor.number = number  # type: ignore[attr-defined]
        return actor

    def wait(self, references: list[Reference], *, num_returns: int, timeout: float) -> Any:
        come = [reference for reference in references if reference.comes]
        return come[:1], come[1:]

    def get(self, reference: Reference) -> None:
        if reference.outcome is not None:
            raise reference.outcome

    def kill(self, actor: Any) -> None:
        self.killed.append(actor.number)


class Work:
    chunks = (1, 4, 5, 9)

    def __init__(self) -> None:
        self.job: dict[str, Any] = {}
        self.written: list[int] = []

    def run(self, job: Any, chunk: int) -> None:
        self.written.append(chunk)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., FakeRay]]:
    def make(*given: Any, **settings: Any) -> FakeRay:
        ray = FakeRay(*given, **settings)
        monkeypatch.setattr(engine, "ray", ray)
        monkeypatch.setattr(cluster, "ray", ray)
        return ray

    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    return make


def run(**settings: Any) -> tuple[Work, list[int]]:
    work, done = Work(), []
    engine.RayEngine(**({"workers": 2} | settings)).run(work, done=done.append)
    return work, done


def lost(what: str = "killed") -> Exception:
    from ray.exceptions import RayActorError

    return RayActorError(error_msg=what)


def test_every_chunk_once_and_the_connection_closed(fake) -> None:
    ray = fake()
    work, done = run()
    assert sorted(work.written) == sorted(done) == [1, 4, 5, 9]
    assert ray.made == 2
    assert sorted(ray.killed) == [0, 1]
    assert not ray.connected


def test_no_more_workers_than_chunks(fake) -> None:
    ray = fake()
    run(workers=50)
    assert ray.made == 4


def test_a_connection_that_was_there_stays(fake) -> None:
    ray = fake()
    ray.connected = True
    run()
    assert ray.connected


def test_a_lost_worker_is_replaced_and_its_chunk_done_by_another(fake) -> None:
    ray = fake(lambda worker, chunk: lost() if (worker, chunk) == (0, 1) else None)
    work, done = run()
    assert sorted(work.written) == sorted(done) == [1, 4, 5, 9]
    first, second = (worker for worker, chunk in ray.given if chunk == 1)
    assert (first, second) != (0, 0)
    assert 0 in ray.killed  # it may only be out of reach
    assert ray.made == 3


@pytest.mark.parametrize("tries", [1, 4])
def test_a_chunk_that_kills_its_workers_is_given_up(fake, tries: int) -> None:
    ray = fake(lambda worker, chunk: lost("segmentation fault") if chunk == 5 else None)
    with pytest.raises(ChildProcessError, match=f"chunk 5 has lost {tries} workers .*segmentation fault"):
        run(tries=tries)
    assert [chunk for _, chunk in ray.given].count(5) == tries
    assert set(ray.killed) == set(range(ray.made))


def test_what_a_chunk_raises_comes_out_as_it_was(fake) -> None:
    from ray.exceptions import RayTaskError

    cause = ValueError("photo.png: not an image")
    ray = fake(lambda worker, chunk: RayTaskError("compute", "a traceback", cause) if chunk == 4 else None)
    with pytest.raises(ValueError, match=r"^photo\.png: not an image$") as caught:
        run()
    assert caught.value is cause
    assert [chunk for _, chunk in ray.given].count(4) == 1
    assert not ray.connected


def test_workers_that_never_start_hold_up_nothing(fake) -> None:
    ray = fake(room=1)
    _, done = run(workers=3)
    assert sorted(done) == [1, 4, 5, 9]
    assert {worker for worker, _ in ray.given} == {0}


def test_no_worker_at_all_is_an_error_after_a_while(fake) -> None:
    fake(room=0)
    with pytest.raises(TimeoutError, match=r"no worker for 0\.01 s, 4 chunks are left; `ray status`"):
        run(patience=0.01)


def test_workers_that_cannot_start_are_an_error(fake) -> None:
    ray = fake(lambda worker, chunk: lost("no module named vpr_ray") if chunk == -1 else None)
    with pytest.raises(ChildProcessError, match=r"3 workers did not start .*no module named vpr_ray"):
        run()
    assert ray.given == []


def test_room_is_counted_machine_by_machine(fake) -> None:
    ray = fake()
    machines = [
        {"Alive": True, "Resources": {"CPU": 7.0, "GPU": 2.0}},
        {"Alive": True, "Resources": {"CPU": 3.0}},
        {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}},
    ]
    ray.nodes = lambda: machines  # type: ignore[attr-defined]
    assert cluster.room_for(cpus=2, gpus=0) == 3 + 1
    assert cluster.room_for(cpus=0.1, gpus=0) == 70 + 30
    assert cluster.room_for(cpus=2, gpus=1) == 2
    assert cluster.room_for(cpus=1, gpus=0.25) == 7
    with pytest.raises(ValueError, match=r"wants 8 CPUs and 0 GPUs.*\(7 CPUs, 2 GPUs; 3 CPUs, 0 GPUs\); lower"):
        cluster.room_for(cpus=8, gpus=0)
    with pytest.raises(ValueError, match="no machine of the cluster has them"):
        run(workers=None, gpus=3)
    run(workers=None)
    assert ray.made == 4


def test_a_cluster_that_is_not_there_is_said_with_the_next_step(fake) -> None:
    def refuse(**settings: Any) -> None:
        raise ConnectionError("Could not find any running Ray instance.\nMore of it")

    fake().init = refuse
    with pytest.raises(
        ConnectionError, match=r"no Ray cluster at 'auto' \(Could not find any running Ray instance\); .*ray start"
    ):
        run()


def test_a_cluster_without_authentication_is_remarked_on(fake, monkeypatch, caplog) -> None:
    fake()
    run()
    assert caplog.records == []
    monkeypatch.delenv("RAY_AUTH_MODE")
    run()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "can run code on it" in caplog.text
    run(address="local")
    assert len(caplog.records) == 1


def test_config() -> None:
    registry = build_registry(strict=True)
    spec = registry.get("engine", "ray")
    assert spec.config is RayConfig
    built = registry.build("engine", RayConfig(workers=3, cpus=2, gpus=0.5, tries=2, patience=5, address="h:6379"))
    assert vars(built) == {
        "_address": "h:6379",
        "_workers": 3,
        "_cpus": 2.0,
        "_gpus": 0.5,
        "_tries": 2,
        "_patience": 5.0,
    }
    for field, value in {"workers": 0, "cpus": 0, "gpus": -1, "tries": 0, "patience": 0, "address": ""}.items():
        with pytest.raises(ValidationError, match=field):
            RayConfig(**{field: value})
    with pytest.raises(ValidationError, match=re.escape("gpus is 1.5; Ray reserves a part of one, or whole ones")):
        RayConfig(gpus=1.5)


def test_listing_it_does_not_import_ray() -> None:
    script = (
        "import sys; from vpr_core import build_registry; "
        "build_registry(strict=True).get('engine', 'ray'); assert 'ray' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
