"""The network before its first step: pretrained weights, a pooling layer started from features, whitening fitted."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vpr_core import UsageError
from vpr_core.types import SupportsFeatureInit
from vpr_runner.data import open_dataset, split_named
from vpr_runner.encoding.compute import Compute
from vpr_runner.evaluation.whitening import check_whitening, fit_whitening
from vpr_runner.keys import generator
from vpr_runner.network.architecture import Architecture
from vpr_runner.network.assembly import assembled
from vpr_runner.network.kept import OF_START, put_kept
from vpr_runner.network.untrained import random_parts
from vpr_runner.training.sampling import sample_local_features

if TYPE_CHECKING:
    from vpr_core import Registry, RunConfig
    from vpr_core.config.sections import InitConfig, WhitenConfig
    from vpr_core.types import Dataset, ImageSet
    from vpr_runner.network.retriever import Retriever

__all__ = ["initialised", "initialize"]

log = logging.getLogger(__name__)


def initialised(
    config: RunConfig,
    registry: Registry,
    *,
    images: ImageSet | None = None,
    kept: Path | None = None,
    progress: bool = True,
) -> Retriever:
    """Return the network as it is before training: pretrained weights, pooling started from features, whitening fitted.

    The last two, where the run file asks for them, need database images. They are those of the split ``train``; where
    a data set has none, those of ``eval.split``; where there is no data set (``type: none``), ``images``. Neither
    queries nor positions are looked at, and the log says so. Which images and which of their features are drawn, and
    where k-means begins, is a function of the run's seed.

    Args:
        config: of the run.
        registry: where its components come from.
        images: the database that the network is asked to describe, named on the command line.
        kept: folder of the network that an earlier start from ``images`` left, which goes on.
        progress: show bars.

    Raises:
        UsageError: there are no images to start from, or too few for the clusters or dimensions asked for.
    """
    compute = Compute.of(config.compute, config.image)
    retriever, features = assembled(
        Architecture.of(config), registry, seed=config.seed, compiled=config.compute.compile
    )
    retriever.to(compute.device)
    before = {name: value.clone() for name, value in retriever.pooling.state_dict().items()}
    if isinstance(retriever.pooling, SupportsFeatureInit) or config.whiten is not None:
        dataset = open_dataset(config.dataset, registry)
        start = config.model_dump(mode="json", include=OF_START)
        if not dataset.split_names and kept is not None and put_kept(retriever, kept, start, registry):
            log.info("the network is the one that was begun with, in %s", kept)
        else:
            starts = isinstance(retriever.pooling, SupportsFeatureInit)
            purpose = f"starting {config.pooling.type} pooling" if starts else "whitening"
            database = _database(dataset, images, split=config.eval.split, purpose=purpose)
            _start(
                retriever,
                database,
                config.init,
                config.whiten,
                seed=config.seed,
                compute=compute,
                progress=progress,
            )
    retriever.untrained = random_parts(retriever, config.pooling, features, registry, started=before)
    return retriever.eval()


def _start(
    retriever: Retriever,
    database: ImageSet,
    init: InitConfig,
    whiten: WhitenConfig | None,
    *,
    seed: int,
    compute: Compute,
    progress: bool,
) -> None:
    if whiten is not None:  # before k-means, which takes a while
        check_whitening(whiten, images=len(database), dim=retriever.out_dim)
    initialize(retriever, database, init, seed=seed, compute=compute, shown=progress)
    if whiten is not None:
        retriever.whitening = fit_whitening(retriever, database, whiten, seed=seed, compute=compute, shown=progress)


def _database(dataset: Dataset, images: ImageSet | None, *, split: str, purpose: str) -> ImageSet:
    if not dataset.split_names and images is not None:
        log.info("no data set: %s from the %d images given, whose positions it needs not", purpose, len(images))
        return images
    if not dataset.split_names:
        raise UsageError(
            f"dataset: {purpose} needs images, and the run file names no data set. `vpr extract RUN.yaml photos/ -o "
            "map/` starts it from the photos, and the map then holds the network; or name a data set, in the run file "
            "or with --set 'dataset={type: folder, root: DIR}'"
        )
    name = "train" if "train" in dataset.split_names else split
    if name != "train":
        log.info("no split 'train': %s from the database images of %r alone, without positions", purpose, name)
    return split_named(dataset, name, purpose=purpose).database


def initialize(
    retriever: Retriever,
    database: ImageSet,
    start: InitConfig,
    *,
    seed: int,
    compute: Compute,
    shown: bool = False,
) -> None:
    """Start a pooling layer that wants it from a sample of local features of ``database``; leave others as they are."""
    pooling = retriever.pooling
    if not isinstance(pooling, SupportsFeatureInit):
        return
    features = sample_local_features(
        retriever,
        database,
        images=start.images,
        locations=start.locations,
        seed=seed,
        compute=compute,
        shown=shown,
    )
    _refuse_too_few(pooling, len(features), images=min(start.images, len(database)), locations=start.locations)
    pooling.init_from_features(features, generator=generator(seed, "init features"))


def _refuse_too_few(pooling: Any, features: int, *, images: int, locations: int) -> None:
    """A layer with ``num_clusters`` learns them by k-means, which needs that many features; it would say so later."""
    clusters = getattr(pooling, "num_clusters", None)
    if isinstance(clusters, int) and features < clusters:
        raise UsageError(
            f"pooling.num_clusters: {clusters} clusters cannot be learnt from {features} local features of {images} "
            f"images (at most init.locations = {locations} each); at most {features} clusters, or give more images, or "
            "larger ones"
        )
