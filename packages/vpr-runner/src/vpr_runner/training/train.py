"""Training, from a run file to a finished run directory: `train` reads from top to bottom.

What happens inside an epoch depends on the loss: `vpr_runner.training.tuples` (queries, mined positives and
negatives) or `vpr_runner.training.places` (images with place labels).
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from vpr_core.config import components_of
from vpr_data import Augmentation
from vpr_runner.code import OF_WEIGHTS, code_of
from vpr_runner.data import open_dataset, split_named
from vpr_runner.distributed import process_group
from vpr_runner.encoding.compute import Compute
from vpr_runner.evaluation.whitening import check_whitening, fit_whitening
from vpr_runner.network.assembly import assemble
from vpr_runner.network.origin import weights_of
from vpr_runner.network.retriever import Retriever
from vpr_runner.network.storage import load_retriever, save_retriever
from vpr_runner.network.untrained import has_random_numbers
from vpr_runner.training.job import CHECKPOINT_SECONDS, Job
from vpr_runner.training.places import PlaceSet, place_epoch
from vpr_runner.training.prefix import FrozenCaches
from vpr_runner.training.run_directory import RunDirectory
from vpr_runner.training.start import initialize
from vpr_runner.training.state import TrainState, make_optimizer
from vpr_runner.training.steps import Stepper
from vpr_runner.training.training_set import TrainingSet
from vpr_runner.training.tuples import tuple_epoch
from vpr_runner.training.validation import Validation

if TYPE_CHECKING:
    from vpr_core import ComponentConfig, Registry, RunConfig
    from vpr_core.config.sections import AugmentConfig
    from vpr_core.types import ImageSet

__all__ = ["TrainResult", "train"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """What training leaves.

    Attributes:
        retriever: the network of the best validation result, whitening included when the run file asks for it.
        best: recall@N of that result by N, and the epoch; None without a validation split.
        run_directory: where everything lies.
    """

    retriever: Retriever
    best: dict[str, Any] | None
    run_directory: Path


def train(
    config: RunConfig,
    registry: Registry,
    *,
    run_directory: Path,
    progress: bool = True,
    resume: bool = True,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> TrainResult:
    """Train what ``config`` describes and return the best network.

    A run that was interrupted goes on from its newest checkpoint and ends with the same weights, bit for bit on a CPU
    with the same number of threads, as if it had not been.

    Args:
        config: the run.
        registry: where its components come from.
        run_directory: new, empty, or holding the same run.
        progress: show bars on a terminal, lines elsewhere.
        resume: False refuses a directory in which a run was begun.
        checkpoint_seconds: longest time between two checkpoints; there is one at each part's beginning in any case.

    Raises:
        UsageError: the data, the directory or a logger do not allow it.
        NonFiniteLossError: the loss became NaN or infinite; the state before that step is saved.
    """
    compute = Compute.of(config.compute, config.image)
    code = code_of(components_of(config, OF_WEIGHTS), registry)
    with (
        process_group(compute.device) as ranks,
        RunDirectory.hold(run_directory, config, ranks=ranks, resume=resume, code=code) as run,
    ):
        finished = run.report
        if finished is not None:
            if ranks.is_main:
                log.info("%s: finished before, nothing is left to train", run.path)
            retriever, _ = load_retriever(run.path / "model", registry, said=config)
            return TrainResult(retriever=retriever, best=finished["best"], run_directory=run.path)

        dataset = open_dataset(config.dataset, registry)
        split = split_named(dataset, "train", purpose="training")
        run.describe_data(dataset, split)
        if config.eval.split not in dataset.split_names:
            log.warning(
                "eval.split: the data set has no split %r (it has %s); `vpr eval` will want --split NAME",
                config.eval.split, ", ".join(dataset.split_names),
            )  # fmt: skip
        by_tuples = registry.get("loss", config.loss.type).supervision == "tuples"
        learnt: TrainingSet | PlaceSet = (TrainingSet if by_tuples else PlaceSet).prepare(split, config.train, compute)

        retriever = assemble(config, registry).to(compute.device)
        if config.whiten is not None:
            check_whitening(config.whiten, images=len(split.database), dim=retriever.out_dim)
        run.describe_weights(weights_of(retriever.backbone))
        loss = _loss(config.loss, registry, compute)
        rooms = FrozenCaches(
            run.path / "cache", gib=config.train.frozen_cache_gib, compute=compute, ranks=ranks, shown=progress
        )
        job = Job(
            config=config,
            compute=compute,
            ranks=ranks,
            run=run,
            source=rooms.source(retriever, learnt.images, augment=_augmentation(config.image.augment, config.seed)),
            validation=Validation.of(
                dataset,
                retriever,
                config.train,
                index=config.index,
                registry=registry,
                cuts=config.eval.recall_at,
                seed=config.seed,
                rooms=rooms,
            ),
            state=TrainState(
                retriever=retriever,
                stepper=Stepper(
                    optimizer=make_optimizer(retriever, config.train),
                    compute=compute,
                    micro_batch=config.train.micro_batch,
                    grad_clip=config.train.grad_clip,
                    ranks=ranks,
                    remembering=[module for module in (retriever, loss) if isinstance(module, nn.Module)],
                ),
                loss=loss,
                miner=registry.build("miner", config.miner) if by_tuples else None,
            ),
            shown=progress,
            checkpoint_seconds=checkpoint_seconds,
        )
        if not job.restore():
            initialize(
                retriever,
                split.database,
                config.init,
                seed=config.seed,
                compute=compute,
                shown=progress and ranks.is_main,
            )
            ranks.same_weights(retriever)
        run.tell_loggers(registry)

        while True:
            if not job.state.validated:
                job.validate()
                job.save()
            if job.state.epoch >= config.train.epochs or job.out_of_patience():
                break
            with job.saving_on_the_way_out():
                if isinstance(learnt, TrainingSet):
                    tuple_epoch(job, learnt)
                else:
                    place_epoch(job, learnt)
            if job.state.step == 0 and ranks.is_main:  # that negatives exist was looked at before the start
                log.warning(
                    "epoch %d made no step: no tuple violates the margin. Either the network tells these places apart "
                    "already, or look at train.negatives_beyond, train.positives and the loss's margin",
                    job.state.epoch + 1,
                )
            job.state.next_epoch()
            job.save()
        return _finish(job, registry, split.database)


def _loss(block: ComponentConfig, registry: Registry, compute: Compute) -> Any:
    """Build the loss; where it is a module, its parameters and buffers go to the device."""
    loss: Any = registry.build("loss", block)
    return loss.to(compute.device) if isinstance(loss, nn.Module) else loss


def _finish(job: Job, registry: Registry, database: ImageSet) -> TrainResult:
    """Take the best network, fit its whitening, and write model and report."""
    job.ranks.wait()  # for the process that wrote the best network
    retriever, _ = load_retriever(job.run.path / "best", registry, said=job.config)
    retriever.to(job.compute.device)
    whiten = job.config.whiten
    if whiten is not None:
        retriever.whitening = fit_whitening(
            retriever, database, whiten, seed=job.config.seed, compute=job.compute, shown=job.shown
        )
    best = job.best()
    if job.state.step == 0 and has_random_numbers(job.state.retriever.backbone):
        retriever.untrained = ("backbone",)
    if job.run.writes:
        save_retriever(retriever, job.run.path / "model", job.config)
        shutil.rmtree(job.run.path / "cache", ignore_errors=True)
        job.run.finish({"best": best, "epochs": job.state.epoch, "steps": job.state.step})
    return TrainResult(retriever=retriever, best=best, run_directory=job.run.path)


def _augmentation(wanted: AugmentConfig, seed: int) -> Callable[[int], Augmentation] | None:
    """Return epoch to random changes of training images; None when all are off."""
    if wanted == type(wanted)():
        return None
    return partial(_augmentation_of, wanted, seed)


def _augmentation_of(wanted: AugmentConfig, seed: int, epoch: int) -> Augmentation:
    return Augmentation(
        seed=seed,
        epoch=epoch,
        crop=wanted.crop,
        rotation=wanted.rotation,
        flip=wanted.flip,
        colour=wanted.colour,
        scale=wanted.scale,
    )
