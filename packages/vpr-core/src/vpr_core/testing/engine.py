"""The contract of engines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vpr_core.testing.case import Case, Contract
from vpr_core.trial_chunks import TrialWork

__all__ = ["EngineContract"]

CHUNKS = (0, 2, 3, 7, 8)


class EngineContract(Contract):
    """An engine has every chunk computed, says so after each, and hides neither a failure nor a loss.

    Chunks are files of a few bytes (`vpr_core.trial_chunks`), so the tests take as long as the engine takes to start.
    """

    kind = "engine"

    def engine(self, case: Case) -> Any:
        """Build the engine."""
        return case.build()

    def ran(self, case: Case, work: TrialWork) -> TrialWork:
        """Give an engine some work."""
        self.engine(case).run(work, done=work.done)
        return work

    def complete(self, case: Case, work: TrialWork) -> None:
        """Require that all of the work was done, and reported once."""
        missing = sorted(set(work.chunks) - set(work.written))
        case.require(not missing, f"run() returned, and chunks {missing} are not there; wait for all of them")
        alien = sorted(set(work.written) - set(work.chunks))
        case.require(not alien, f"computed chunks {alien}, which nobody asked for; take work.chunks and no others")
        case.require(
            sorted(work.finished) == sorted(work.chunks),
            f"done() was called for {work.finished}, the work was {list(work.chunks)}; call it once for each",
        )
        case.require(not work.early, f"done() was called for {work.early} before they were there; call it afterwards")

    def test_every_chunk_is_computed(self, case: Case, tmp_path: Path) -> None:
        """Numbers with gaps, each once; the job arrives as it was."""
        work = self.ran(case, TrialWork(tmp_path, CHUNKS))
        self.complete(case, work)
        twice = sorted({chunk for chunk in work.tried if work.tried.count(chunk) > 1})
        case.require(not twice, f"chunks {twice} were computed more than once, though no worker was lost")
        changed = {text for text in work.written.values() if text != "Bücher\n"}
        case.require(not changed, f"the job came to the workers changed: {changed}; hand it on as it is")

    def test_an_engine_works_again(self, case: Case, tmp_path: Path) -> None:
        """One engine, two extractions."""
        engine = self.engine(case)
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            work = TrialWork(tmp_path / name, CHUNKS[:2])
            engine.run(work, done=work.done)
            self.complete(case, work)

    def test_a_failure_comes_through(self, case: Case, tmp_path: Path) -> None:
        """What a chunk raises comes out as it was, and is not tried again: it would fail again."""
        work = TrialWork(tmp_path, CHUNKS, fails=[3])
        try:
            self.ran(case, work)
        except ValueError as error:
            case.require(
                str(error) == "chunk 3 cannot be computed",
                f"the failure says {str(error)[:200]!r} instead of 'chunk 3 cannot be computed'; raise what the "
                "chunk raised",
            )
        except Exception as error:  # noqa: BLE001  an engine may raise anything
            case.breach(f"a chunk raised ValueError and out came {type(error).__name__}; raise what the chunk raised")
        else:
            case.breach("a chunk failed and run() returned as if nothing had happened; raise what the chunk raised")
        case.require(3 not in work.finished, "done() was called for the chunk that failed")
        tries = work.tried.count(3)
        case.require(tries == 1, f"a chunk that raised was tried {tries} times; only lost workers deserve another try")

    def test_a_lost_worker_costs_nothing_but_time(self, case: Case, tmp_path: Path) -> None:
        """A worker process that is killed in the middle of a chunk: another does the chunk."""
        work = TrialWork(tmp_path, CHUNKS, dies=[2])
        try:
            self.ran(case, work)
        except Exception as error:  # noqa: BLE001  an engine may raise anything
            case.breach(f"a worker was killed and out came {type(error).__name__}: {error}; give its chunk to another")
        self.complete(case, work)
