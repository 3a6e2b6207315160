"""A map held open: photo in, place out."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from vpr_core import UsageError, build_registry
from vpr_core.trust import refuse_foreign_choices
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.execution import execution_of
from vpr_runner.encoding.photo import prepared, row_of
from vpr_runner.exporting.stored import load_network
from vpr_runner.locate.guess import ANSWERS, Guess, rows_of
from vpr_runner.maps.computed import check_computed, learnt_by
from vpr_runner.maps.index import MapIndex
from vpr_runner.maps.mixing import warn_of_resized
from vpr_runner.maps.opened import open_map
from vpr_runner.network.architecture import Architecture
from vpr_runner.network.storage import fingerprint
from vpr_runner.network.untrained import said_of

if TYPE_CHECKING:
    from vpr_core import ComponentConfig, Registry
    from vpr_runner.locate.located import Located
    from vpr_runner.maps.opened import Map
    from vpr_runner.network.retriever import Retriever

__all__ = ["Locator"]

log = logging.getLogger(__name__)

Image = Path | str | npt.NDArray[np.uint8]


class Locator:
    """Says where photos were taken: the map is opened once, and asked as often as one likes, from any thread.

    Photos are decoded side by side; the network and the index take one at a time. A photo is prepared just as
    `vpr extract` prepared those of the map.

    Args:
        opened: the map.
        retriever: the network that made it.
        model: fingerprint of the network.
        compute: how images are prepared and the network is run.
        index: what the map is searched with.
        registry: builds the index.

    Raises:
        UsageError: the map was made with another model, or is damaged.

    Example:
        ``where = Locator.open("map/"); where("query.jpg")``
    """

    def __init__(
        self,
        opened: Map,
        retriever: Retriever,
        *,
        model: str,
        compute: Compute,
        index: ComponentConfig,
        registry: Registry,
    ) -> None:
        if opened.descriptors.fingerprint != model:
            raise UsageError(
                f"{opened.folder} was made with another model, or with another image size or filter; descriptors of "
                "two models cannot be compared: name the right one, or extract again"
            )
        self.map = opened
        self.guess = Guess.of(opened)
        self.compute = compute
        self.retriever = retriever.to(self.compute.device).eval()
        self.registry = registry
        self._index_config = index
        self._index = MapIndex(opened.descriptors, folder=opened.folder, index=index, registry=registry)
        self._lock = threading.Lock()
        self._said_resized = False

    @classmethod
    def open(cls, folder: Path | str, *, device: str | None = None, plugins: Sequence[Path] = ()) -> Self:
        """Open the map that `vpr extract` wrote to ``folder``, with the network in it.

        Args:
            folder: of the map. Nothing that it names is run, reached or read.
            device: where the network runs; None: as the map says.
            plugins: plug-in files that the network needs.

        Raises:
            UsageError: there is no map, it is damaged, or it holds no network.
        """
        opened = open_map(Path(folder))
        if opened.network is None:
            raise UsageError(f"{folder} holds no network; extract it again with this version")
        opened.verify_ahead()
        registry = build_registry(plugin_files=list(plugins))
        retriever, config = load_network(opened.network, registry)
        if config.rerank is not None:
            log.warning(
                "%s: its run re-ranks by %s; here answers stay as the search finds them", folder, config.rerank.type
            )
        if said := said_of(retriever):
            log.warning("%s", said)
        refuse_foreign_choices(config, registry, source=str(opened.network), kinds={"index", "runtime"})
        if device is not None:
            config = config.model_copy(update={"compute": config.compute.model_copy(update={"device": device})})
        compute, architecture = Compute.of(config.compute, config.image), Architecture.of(config)
        retriever.execution = execution = execution_of(
            retriever, architecture, registry, compute=config.compute, images=None, calibrated=learnt_by(opened)
        )
        check_computed(opened, execution, compute)
        return cls(
            opened,
            retriever,
            model=fingerprint(retriever, architecture),
            compute=compute,
            index=config.index,
            registry=registry,
        )

    def reopened(self) -> Self:
        """Return one of the map as it is now, with the same network: images may have been added to it.

        The two take turns at the network.
        """
        opened = open_map(self.map.folder)
        found = type(self)(
            opened,
            self.retriever,
            model=self.map.descriptors.fingerprint,
            compute=self.compute,
            index=self._index_config,
            registry=self.registry,
        )
        found._lock = self._lock
        return found

    def __call__(self, photo: Image, *, count: int = 5, max_pixels: int | None = None) -> Located:
        """Return where ``photo`` was taken.

        Args:
            photo: file, or uint8 ``(H, W, 3)`` RGB.
            count: answers to list.
            max_pixels: most pixels of a file that are decoded; None: as the map says.

        Raises:
            ImageDecodeError: the file cannot be read.
            SizeRefusedError: the network takes no images of this size.
            ValueError: the array is no image.
        """
        image = prepared(photo, self.compute, max_pixels=max_pixels)
        if isinstance(photo, np.ndarray):
            self._said_resized = self._said_resized or warn_of_resized(photo.shape, self.compute.size)
        with self._lock:
            row = row_of(self.retriever, image, self.compute)
            found, kept = self._index.nearest(row, max(count, ANSWERS))
        return self.guess(rows_of(found.index[0], kept), found.distance[0], count=count)
