"""The engine contract passes a sound engine and catches each fault, and nothing but that fault."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, Literal

import pytest

from vpr_core import ComponentConfig, EngineSpec
from vpr_core.testing import EngineContract, breaches

SCRIPT = """
import json, sys
from vpr_core.trial_chunks import run_chunk
try:
    run_chunk(json.loads(sys.argv[1]), int(sys.argv[2]))
except ValueError as error:
    sys.exit(f"ValueError: {error}")
"""


class Config(ComponentConfig):
    type: Literal["plain"] = "plain"


class Here:
    """A sound engine: this process."""

    def run(self, work: Any, *, done: Any) -> None:
        for chunk in work.chunks:
            work.run_here(chunk)
            done(chunk)


class Subprocesses:
    """A sound engine: a process for each chunk, another when one is lost."""

    tries = 2

    def run(self, work: Any, *, done: Any) -> None:
        import json

        job = json.dumps(work.job)
        for chunk in work.chunks:
            for _ in range(self.tries):
                ended = subprocess.run(
                    [sys.executable, "-c", SCRIPT, job, str(chunk)], capture_output=True, text=True, check=False
                )
                if ended.returncode >= 0:
                    break
            self.ended(ended)
            done(chunk)

    def ended(self, process: Any) -> None:
        if process.returncode > 0:
            raise ValueError(process.stderr.strip().removeprefix("ValueError: "))
        if process.returncode < 0:
            raise RuntimeError(f"worker died of signal {-process.returncode}")


def spec_of(engine: Any) -> EngineSpec[Any]:
    return EngineSpec(name="plain", config=Config, build=lambda config: engine(), summary="An engine.")


@pytest.mark.parametrize("engine", [Here, Subprocesses])
def test_a_sound_engine_keeps_the_contract(engine: Any) -> None:
    assert breaches(EngineContract, spec_of(engine)) == {}


class Counts(Here):
    """Takes the number of chunks for their numbers."""

    def run(self, work: Any, *, done: Any) -> None:
        for chunk in range(len(work.chunks)):
            work.run_here(chunk)
            done(chunk)


class NeverDone(Here):
    def run(self, work: Any, *, done: Any) -> None:
        super().run(work, done=lambda chunk: None)


class DoneTooEarly(Here):
    def run(self, work: Any, *, done: Any) -> None:
        for chunk in work.chunks:
            done(chunk)
            work.run_here(chunk)


class SwallowsFailures(Here):
    def run(self, work: Any, *, done: Any) -> None:
        for chunk in work.chunks:
            try:
                work.run_here(chunk)
            except ValueError:
                continue
            done(chunk)


class WrapsFailures(Here):
    def run(self, work: Any, *, done: Any) -> None:
        try:
            super().run(work, done=done)
        except ValueError as error:
            raise RuntimeError("engine failed") from error


class TriesFailuresAgain(Here):
    def run(self, work: Any, *, done: Any) -> None:
        for chunk in work.chunks:
            try:
                work.run_here(chunk)
            except ValueError:
                work.run_here(chunk)
            done(chunk)


class DoesEverythingTwice(Here):
    def run(self, work: Any, *, done: Any) -> None:
        for chunk in work.chunks:
            work.run_here(chunk)
        super().run(work, done=done)


class LosesWorkers(Subprocesses):
    tries = 1


class OnlyOnce(Here):
    ran = False

    def run(self, work: Any, *, done: Any) -> None:
        if not self.ran:
            super().run(work, done=done)
        self.ran = True


BROKEN: dict[type, dict[str, str]] = {
    Counts: {
        "test_every_chunk_is_computed": "chunks [7, 8] are not there",
        "test_an_engine_works_again": "chunks [2] are not there",
        "test_a_lost_worker_costs_nothing_but_time": "chunks [7, 8] are not there",
    },
    NeverDone: {
        "test_every_chunk_is_computed": "done() was called for []",
        "test_an_engine_works_again": "done() was called for []",
        "test_a_lost_worker_costs_nothing_but_time": "call it once for each",
    },
    DoneTooEarly: {
        "test_every_chunk_is_computed": "before they were there; call it afterwards",
        "test_an_engine_works_again": "before they were there",
        "test_a_failure_comes_through": "done() was called for the chunk that failed",
        "test_a_lost_worker_costs_nothing_but_time": "before they were there",
    },
    SwallowsFailures: {"test_a_failure_comes_through": "run() returned as if nothing had happened"},
    WrapsFailures: {"test_a_failure_comes_through": "a chunk raised ValueError and out came RuntimeError"},
    TriesFailuresAgain: {"test_a_failure_comes_through": "a chunk that raised was tried 2 times"},
    DoesEverythingTwice: {"test_every_chunk_is_computed": "were computed more than once, though no worker was lost"},
    LosesWorkers: {"test_a_lost_worker_costs_nothing_but_time": "worker died of signal 9; give its chunk to another"},
    OnlyOnce: {"test_an_engine_works_again": "chunks [0, 2] are not there"},
}


@pytest.mark.parametrize(("engine", "expected"), BROKEN.items(), ids=[engine.__name__ for engine in BROKEN])
def test_a_fault_is_caught_with_what_to_do(engine: Any, expected: dict[str, str]) -> None:
    found = breaches(EngineContract, spec_of(engine))
    assert set(found) == set(expected)
    for test, said in expected.items():
        assert found[test].startswith("engine 'plain': ")
        assert said in found[test]
