"""One epoch over labelled places: batches of ``P`` places with ``K`` images each, for losses on place labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vpr_core import UsageError
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.source import JoinedImages
from vpr_runner.keys import permutation
from vpr_runner.progress import Progress
from vpr_runner.training.state import set_rate
from vpr_runner.training.training_set import joined_unreadable

if TYPE_CHECKING:
    from vpr_core.config.sections import TrainConfig
    from vpr_core.types import PlaceLoss, PlaceSplit
    from vpr_runner.training.job import Job

__all__ = ["PlaceSet", "place_epoch"]


@dataclass(frozen=True, kw_only=True)
class PlaceSet:
    """The images of a split by place.

    Attributes:
        images: queries, then database.
        labels: place of each image.
        members: positions of each place that has two readable images or more.
        regions: of each of these places; the places of a batch are of one region.
    """

    images: JoinedImages
    labels: npt.NDArray[np.int64]
    members: list[npt.NDArray[np.int64]]
    regions: npt.NDArray[np.int64]

    @classmethod
    def prepare(cls, split: PlaceSplit, settings: TrainConfig, compute: Compute) -> PlaceSet:
        """Group the images of ``split`` by place; images labelled below 0 belong to none.

        Image sets may have an attribute ``region``, int64 ``(N,)`` (the city of GSV-Cities); else all is one region.

        Raises:
            UsageError: images have no places, no place has two images, or no region two such places.
        """
        sets = [images for images in (split.queries, split.database) if len(images)]
        places = [images.place for images in sets if images.place is not None]
        if len(places) < len(sets):
            raise UsageError(
                f"dataset: split {split.name!r} has no place labels, which this loss learns from; add a place column, "
                "or take a loss over tuples such as weakly_supervised_ranking"
            )
        labels = np.concatenate([np.zeros(0, dtype=np.int64), *places])
        images = JoinedImages(*sets)
        usable = labels >= 0
        usable[list(joined_unreadable(images, compute))] = False
        positions = np.flatnonzero(usable)
        positions = positions[np.argsort(labels[positions], kind="stable")]
        ends = np.flatnonzero(np.diff(labels[positions])) + 1
        members = [part for part in np.split(positions, ends) if len(part) > 1]
        if not members:
            raise UsageError(f"dataset: no place of split {split.name!r} has two images, so nothing can be learnt")
        known = [region for region in (getattr(images, "region", None) for images in sets) if region is not None]
        region = np.concatenate(known) if len(known) == len(sets) else np.zeros(len(labels), dtype=np.int64)
        regions = region[[int(part[0]) for part in members]]
        if np.unique(regions, return_counts=True)[1].max() < 2:
            raise UsageError(
                f"dataset: no two places of split {split.name!r} have two images each"
                f"{' and lie in one region' if len(members) > 1 else ''}; a batch needs one for the other's negatives"
            )
        return cls(images=images, labels=labels, members=members, regions=regions)

    def batches(self, settings: TrainConfig, seed: int, epoch: int) -> list[npt.NDArray[np.int64]]:
        """Return the images of each batch of ``epoch``: a function of (seed, epoch).

        Every place is met once an epoch, with ``images_per_place`` of its images (all, if it has fewer). A region's
        last batch is left out where it has a single place: it holds no negatives. Regions take turns at random.
        """
        places, each = settings.places_per_batch, settings.images_per_place
        order = permutation(len(self.members), seed, "place order", epoch)
        groups = [order[self.regions[order] == region] for region in np.unique(self.regions)]
        chosen = [group[start : start + places] for group in groups for start in range(0, len(group), places)]
        chosen = [some for some in chosen if len(some) > 1]
        if len(groups) > 1:
            chosen = [chosen[turn] for turn in permutation(len(chosen), seed, "region order", epoch)]
        return [np.concatenate([self._draw(int(place), each, seed, epoch) for place in some]) for some in chosen]

    def _draw(self, place: int, count: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
        members = self.members[place]
        return members[permutation(len(members), seed, "place images", epoch, place)[:count]]


def place_epoch(job: Job, places: PlaceSet) -> None:
    """Meet every place once, from wherever the state stands; an epoch is one part."""
    state, config = job.state, job.config
    if job.ranks.world > 1:
        raise UsageError("loss: losses on place labels train in one process; start without torchrun")
    rate = set_rate(state.stepper.optimizer, config.train, state.epoch)
    batches = places.batches(config.train, config.seed, state.epoch)
    wanted = batches[state.batch :]
    state.retriever.train()
    label = f"epoch {state.epoch + 1}/{config.train.epochs}"
    with Progress(len(batches), label, unit="batch", shown=job.shown) as progress:
        progress.update(state.batch)
        for images, inputs in zip(wanted, job.source.groups(wanted, job.compute, epoch=state.epoch), strict=True):
            labels = torch.from_numpy(places.labels[images]).to(job.compute.device)
            job.step(
                inputs,
                partial(_terms, state.loss, labels),
                batch=state.batch,
                samples=len(images),
                images=images,
            )
            progress.update(1, f"loss {state.sums.mean_loss():.4f}")
            job.save_when_due()
    with job.indivisible():  # its line of metrics is written once
        job.record_part(parts=1, samples=sum(len(images) for images in batches), rate=rate)
        state.next_part()


def _terms(loss: PlaceLoss, places: Tensor, descriptors: Tensor) -> tuple[Tensor, Tensor]:
    value = loss(descriptors, places)
    return value, torch.ones_like(value.detach())
