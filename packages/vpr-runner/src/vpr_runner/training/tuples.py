"""One epoch over mined tuples: parts of queries, each with a fresh descriptor cache, then batches of tuples."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from vpr_runner.encoding.cache import descriptor_rows
from vpr_runner.encoding.encode import encode_all
from vpr_runner.encoding.source import Batch
from vpr_runner.progress import Progress
from vpr_runner.training.batches import TupleBatch, tuple_batches
from vpr_runner.training.state import MinedTuples, halvings, set_rate
from vpr_runner.training.training_set import TrainingSet

if TYPE_CHECKING:
    from vpr_core.config.sections import TrainConfig
    from vpr_runner.training.job import Job

__all__ = ["parts_of", "tuple_epoch"]


def tuple_epoch(job: Job, training: TrainingSet) -> None:
    """Visit every query once: mine, step, record, from wherever the state stands."""
    state, config = job.state, job.config
    rate = set_rate(state.stepper.optimizer, config.train, state.epoch)
    parts = parts_of(training.order(config.seed, state.epoch, most=config.train.max_queries), config.train, state.epoch)
    for number in range(state.part, len(parts)):
        tuples = state.tuples
        if tuples is None:
            tuples = mine(job, training, parts[number])
            job.save()
        label = f"epoch {state.epoch + 1}/{config.train.epochs}, part {number + 1}/{len(parts)}"
        with Progress(len(parts[number]), label, unit="tuple", shown=job.shown) as progress:
            progress.update(state.batch * config.train.batch)
            state.retriever.train()
            for batch_number, batch, inputs in _batches(job, training, tuples):
                done = min((batch_number + 1) * config.train.batch, len(tuples.query))
                job.step(
                    inputs,
                    partial(batch.terms, state.loss),
                    batch=batch_number,
                    samples=len(batch),
                    images=batch.images,
                )
                progress.update(done - progress.done, f"loss {state.sums.mean_loss():.4f}")
                job.save_when_due()
        with job.indivisible():  # its line of metrics is written once
            job.record_part(parts=len(parts), samples=len(parts[number]), rate=rate)
            state.next_part()


def parts_of(order: npt.NDArray[np.int64], settings: TrainConfig, epoch: int) -> list[npt.NDArray[np.int64]]:
    """Cut an epoch's queries into parts of ``cache_every``, doubled each time the learning rate was halved."""
    size = settings.cache_every
    if settings.cache_grows:
        size *= 2 ** min(halvings(settings, epoch), 40)
    return [order[start : start + size] for start in range(0, len(order), size)]


def mine(job: Job, training: TrainingSet, queries: npt.NDArray[np.int64]) -> MinedTuples:
    """Encode what the miner wants to see, and let it choose the tuples, which are the state's from then on."""
    state = job.state
    request = training.request(queries, seed=job.config.seed, epoch=state.epoch, part=state.part)
    candidates = state.miner.candidates(request)
    # Queries first, then candidates: one pass over both, in one array.
    positions = np.concatenate([queries, np.asarray(candidates, dtype=np.int64) + training.queries])
    cache = descriptor_rows(
        len(positions), state.retriever.out_dim, file=job.run.path / "cache" / f"descriptors-{job.ranks.rank}.f16"
    )
    encode_all(
        state.retriever,
        job.source,
        positions,
        compute=job.compute,
        out=cache,
        ranks=job.ranks,
        label=f"epoch {state.epoch + 1}, cache",
        shown=job.shown,
    )
    rows = torch.from_numpy(cache)
    with job.indivisible():  # a miner's memory is that of the next part as soon as it has chosen
        found = state.miner.mine(
            request,
            query_descriptors=rows[: len(queries)],
            database_descriptors=rows[len(queries) :],
            database_positions=candidates,
        )
        tuples = MinedTuples(query=found.query, positives=found.positives, negatives=found.negatives)
        state.tuples = tuples
    return tuples


def _batches(job: Job, training: TrainingSet, tuples: MinedTuples) -> Iterator[tuple[int, TupleBatch, list[Batch]]]:
    """Yield this process's share of each batch that teaches, with its images read ahead."""
    wanted = [
        (number, batch.share(job.ranks))
        for number, batch in tuple_batches(
            tuples, size=job.config.train.batch, queries=training.queries, first=job.state.batch
        )
    ]
    inputs = job.source.groups((batch.images for _, batch in wanted), job.compute, epoch=job.state.epoch)
    for (number, batch), values in zip(wanted, inputs, strict=True):
        yield number, batch.to(job.compute.device), values
