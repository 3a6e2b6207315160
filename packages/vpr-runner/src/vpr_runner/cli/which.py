"""What the first word of ``vpr extract`` is, the network or the images, and which network it is when none is named."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vpr_runner.cli.model import open_model
from vpr_runner.cli.named import is_network, is_word
from vpr_runner.names import DEFAULT, EXPECTED, OFFLINE

if TYPE_CHECKING:
    from vpr_core import Registry, RunConfig
    from vpr_core.config import ComputeConfig
    from vpr_core.types import ImageSet
    from vpr_runner import Retriever

__all__ = ["Opening", "sorted_out"]

log = logging.getLogger(__name__)


def sorted_out(
    first: Path, images: Path | None, *, split: str | None, output: Path | None
) -> tuple[Path | None, Path | None]:
    """Return the network, None: whichever is usual, and the images, None: those of a split.

    With two words the first is the network. One word is the images, unless it is a network: then they are missing, or
    ``--split`` says which they are.

    Raises:
        UsageError: the words are no such pair; says what they seem to be, and what to write.
    """
    from vpr_core import UsageError

    if images is not None and split is not None:
        raise UsageError("which images? Name a folder, or --split NAME of the model's own data set (one of the two)")
    if images is None and split is None:
        if is_network(first) or _is_a_models_name(first):
            raise UsageError(
                f"which images? {first} is a network; name a folder or a video behind it, or --split NAME of its own "
                "data set"
            )
        if not first.exists():
            raise UsageError(
                f"{first}: no such folder or video, and no network of that name; `vpr extract photos/ -o map/` takes a "
                "folder, `vpr models` lists networks by name"
            )
        return None, first
    if first.exists() and not is_network(first) and first.suffix not in {".yaml", ".yml"}:
        if _is_a_models_name(first):  # a folder of photos that happens to be called like it
            return first, images
        output_said = "" if output is not None else f", if {images} is to be the map: vpr extract {first} -o {images}"
        raise UsageError(
            f"{first}: no network there. Of two words the first is the network (a name, a run file, a run directory or "
            f"a model file), the second the images; images alone are enough{output_said}"
        )
    return first, images


def _is_a_models_name(word: Path) -> bool:
    from vpr_core import build_registry

    return is_word(word) and word.name in build_registry().models


@dataclass(frozen=True, kw_only=True)
class Opening:
    """How `open_model` is to be called, whichever network it is."""

    plugins: Sequence[Path] | None
    settings: Sequence[str] | None
    device: str | None
    quiet: bool
    builds: Collection[str]
    images: Callable[[ComputeConfig], ImageSet] | None

    def network(self, source: Path, *, kept: Path | None = None) -> tuple[Retriever, RunConfig, Registry]:
        """Open a network that was named."""
        return open_model(
            source,
            plugins=self.plugins,
            settings=self.settings,
            device=self.device,
            quiet=self.quiet,
            builds=self.builds,
            images=self.images,
            kept=kept,
        )

    def usual(self, kept: Path) -> tuple[Retriever, RunConfig, Registry]:
        """Open the network that ``kept`` holds, of a map that was begun before; else `DEFAULT`.

        Where its weights cannot be had, `OFFLINE` takes its place: it says how good to expect it to be, and goes on.
        """
        if is_network(kept):
            log.info("network: the one that this map was begun with, %s", kept)
            return self.network(kept)
        try:
            opened = self.network(Path(DEFAULT), kept=kept)
        except ConnectionError as error:
            log.warning(
                "no network is named, and the weights of the usual one, %s, cannot be had (%s); going on with %s, "
                "whose weights are random: %s",
                DEFAULT, _why(error), OFFLINE, EXPECTED,
            )  # fmt: skip
            opened = self.network(Path(OFFLINE), kept=kept)
        retriever, config, _ = opened
        size = "x".join(map(str, config.image.size or ()))
        log.info("network: %s, %d numbers, images %s; `vpr models` lists others", config.name, retriever.out_dim, size)
        return opened


def _why(error: ConnectionError) -> str:
    said = str(error.__cause__ or error).splitlines()[0][:120]
    return said.removeprefix("<urlopen error ").removesuffix(">")
