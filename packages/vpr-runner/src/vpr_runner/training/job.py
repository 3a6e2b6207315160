"""A training run at work: what `train` and its epochs share, and how they save, record and validate."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vpr_core import VPRError
from vpr_runner.distributed import Ranks
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.source import Batch, Source
from vpr_runner.evaluation.report import recall_line
from vpr_runner.files import atomic
from vpr_runner.keys import key
from vpr_runner.network.storage import save_retriever
from vpr_runner.training.run_directory import RunDirectory
from vpr_runner.training.state import TrainState
from vpr_runner.training.steps import NonFiniteLossError, Terms

if TYPE_CHECKING:
    from vpr_core import RunConfig
    from vpr_runner.training.validation import Validation

__all__ = ["CHECKPOINT_SECONDS", "Job", "TrainingStoppedError"]

CHECKPOINT_SECONDS = 300.0
log = logging.getLogger(__name__)


class TrainingStoppedError(VPRError):
    """Training cannot go on; the state before the faulty step is saved."""


@dataclass(kw_only=True)
class Job:
    """One training run in one process.

    Attributes:
        source: input of the network for the training images.
        validation: what is measured after each epoch; None without a validation split.
        state: model, optimiser, loss, miner, and where training stands.
        shown: print progress.
        checkpoint_seconds: longest time between two checkpoints.
    """

    config: RunConfig
    compute: Compute
    ranks: Ranks
    run: RunDirectory
    source: Source
    validation: Validation | None
    state: TrainState
    shown: bool
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    _saved: float = field(default_factory=time.monotonic)
    _consistent: bool = True

    def restore(self) -> bool:
        """Go on from the newest whole checkpoint; False when there is none."""
        if not self.ranks.is_main:
            self.ranks.wait()  # rank 0 sets broken checkpoints aside
        state = self.run.checkpoints.newest()
        if self.ranks.is_main:
            self.ranks.wait()
        self.ranks.wait()  # nobody writes while another still reads
        if state is None:
            self.run.forget_metrics_after(0)
            return False
        self.state.load_state_dict(state)
        self.run.forget_metrics_after(state["metrics_size"])
        self._say(f"goes on at epoch {self.state.epoch + 1}, part {self.state.part + 1}, batch {self.state.batch + 1}")
        return True

    def save(self) -> None:
        """Write a checkpoint."""
        self._saved = time.monotonic()
        if self.run.writes:
            self.run.checkpoints.save(self.state.state_dict(metrics_size=self.run.metrics_size))

    def save_when_due(self) -> None:
        """Write a checkpoint if the last one is old."""
        if time.monotonic() - self._saved >= self.checkpoint_seconds:
            self.save()

    @contextmanager
    def saving_on_the_way_out(self) -> Iterator[None]:
        """Write a last checkpoint when interrupted or terminated, unless that cut something indivisible in two."""
        try:
            yield
        except (KeyboardInterrupt, SystemExit):
            if self._consistent:
                self.save()
            raise

    @contextmanager
    def indivisible(self) -> Iterator[None]:
        """Between entry and exit the state is neither the old nor the new one, and must not be saved."""
        self._consistent = False
        yield
        self._consistent = True

    def step(
        self,
        inputs: Sequence[Batch],
        terms: Terms,
        *,
        batch: int,
        samples: int,
        images: npt.NDArray[np.int64],
    ) -> None:
        """Make one optimisation step on batch number ``batch`` and move on behind it.

        Args:
            inputs: this process's images.
            terms: the loss on their descriptors.
            batch: number of the batch in its part.
            samples: tuples, or labelled images, in it.
            images: positions of its images, for messages.

        Raises:
            TrainingStoppedError: the loss or its gradient is not finite; names step, batch and images.
        """
        state, start = self.state, time.perf_counter()
        seed = key(self.config.seed, "step", state.epoch, state.part, batch)
        try:
            with self.indivisible():
                loss, count = state.stepper.step(self.source.forward(state.retriever), inputs, terms, seed=seed)
                state.sums.add(loss=loss, count=count, samples=samples, images=len(images))
                state.sums.seconds += time.perf_counter() - start
                state.step += count > 0
                state.batch = batch + 1
        except NonFiniteLossError as error:  # raised before anything was changed
            state.batch = batch
            self._consistent = True
            raise self._stopped(error, images) from error

    def _stopped(self, error: NonFiniteLossError, images: npt.NDArray[np.int64]) -> TrainingStoppedError:
        names = [self.source.names[int(position)] for position in images]
        where = {"epoch": self.state.epoch + 1, "part": self.state.part + 1, "batch": self.state.batch + 1}
        if self.run.writes:
            details = {"error": str(error), "step": self.state.step, **where, "images": names}
            atomic.write_json(self.run.path / "stopped.json", details)
        self.save()
        place = ", ".join(f"{name} {number}" for name, number in where.items())
        return TrainingStoppedError(
            f"{error} at step {self.state.step} ({place}); images {', '.join(names[:4])}{', ...' * (len(names) > 4)} "
            f"(all of them in stopped.json). The state before that step is saved in {self.run.path}; in a new run, "
            "lower train.lr, set train.grad_clip, or take compute.precision: float32"
        )

    def record_part(self, *, parts: int, samples: int, rate: float) -> None:
        """Write the metrics of the part that ends here."""
        sums = self.state.sums
        seconds = max(sums.seconds, 1e-9)
        self.run.record(
            kind="part",
            epoch=self.state.epoch + 1,
            part=self.state.part + 1,
            parts=parts,
            step=self.state.step,
            loss=sums.mean_loss(),
            lr=rate,
            samples=samples,
            taught=sums.samples,
            violating=sums.count,
            steps=sums.steps,
            images=sums.images,
            samples_per_second=round(sums.samples / seconds, 3),
            images_per_second=round(sums.images / seconds, 3),
            time=time.time(),
        )
        part = f", part {self.state.part + 1}/{parts}" if parts > 1 else ""
        self._say(
            f"epoch {self.state.epoch + 1}/{self.config.train.epochs}{part}: loss {sums.mean_loss():.4f}, "
            f"{sums.samples} of {samples} samples taught, {sums.samples / seconds:.1f}/s"
        )

    def validate(self) -> None:
        """Measure the network as it stands; keep it if it is the best so far (without validation: always)."""
        state = self.state
        better = True
        if self.validation is not None:
            measured = self.validation.measure(
                state.retriever, compute=self.compute, ranks=self.ranks, shown=self.shown
            )
            # Epoch 0 is the network before training: on a tie the trained one is taken.
            tie = measured.score == state.best_score and state.best_epoch == 0
            better = not state.best_score or measured.score > state.best_score or tie
            self.run.record(
                kind="validation",
                epoch=state.epoch,
                step=state.step,
                recall={str(n): value for n, value in measured.recall.items()},
                queries=measured.queries,
                best=better,
                time=time.time(),
            )
            when = f"epoch {state.epoch}/{self.config.train.epochs}" if state.epoch else "before training"
            self._say(f"{when}: validation {recall_line(measured.recall)}{', the best so far' * better}")
            if better:
                state.best_score = measured.score
                self._write_best({"epoch": state.epoch, "recall": {str(n): v for n, v in measured.recall.items()}})
        else:
            self._write_best({"epoch": state.epoch})
        state.best_epoch, state.stale = (state.epoch, 0) if better else (state.best_epoch, state.stale + 1)
        state.validated = True

    def out_of_patience(self) -> bool:
        """Return True when the best result is ``patience`` epochs old."""
        patience = self.config.train.patience
        return patience is not None and self.state.stale >= patience

    def best(self) -> dict[str, Any] | None:
        """Return what was measured of the best network; None without validation."""
        if self.validation is None:
            return None
        value: dict[str, Any] = json.loads((self.run.path / "best" / "measured.json").read_text())
        return value

    def _say(self, line: str) -> None:
        if self.ranks.is_main:
            log.info("%s", line)

    def _write_best(self, measured: dict[str, Any]) -> None:
        if self.run.writes:
            save_retriever(self.state.retriever, self.run.path / "best", self.config)
            atomic.write_json(self.run.path / "best" / "measured.json", measured)
