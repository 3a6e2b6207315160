"""Which network a command works with: a trained one from disk, one by name, or one that a run file describes."""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vpr_runner.cli.loading import load, overrides_of, registry_of
from vpr_runner.cli.named import is_network, is_word, run_of_name

if TYPE_CHECKING:
    from pydantic import BaseModel

    from vpr_core import ComponentConfig, Registry, RunConfig
    from vpr_core.config import ComputeConfig
    from vpr_core.types import ImageSet
    from vpr_runner import Retriever

__all__ = ["open_model"]

log = logging.getLogger(__name__)

_PARTS = ("backbone", "pooling", "whiten")


def open_model(
    source: Path,
    *,
    plugins: Sequence[Path] | None = None,
    settings: Sequence[str] | None = None,
    device: str | None = None,
    quiet: bool = False,
    builds: Collection[str] = (),
    images: Callable[[ComputeConfig], ImageSet] | None = None,
    kept: Path | None = None,
) -> tuple[Retriever, RunConfig, Registry]:
    """Return the network, its run configuration with ``settings`` on top, and the registry.

    ``source`` is a run directory, a model file, a file of `vpr export`, a name (`vpr models`), or a run file: the last
    two give the network before training, its pooling layer initialised from features as training would. A network with
    random numbers that nothing ever trained is remarked on.

    A run file is the user's own. A model may come from anywhere: what it says of itself chooses only among components
    that compute and do nothing else, and no plug-in file is loaded because it names it.

    Args:
        source: see above.
        plugins: files that the user named.
        settings: ``--set`` of the user.
        device: ``--device`` of the user.
        quiet: do not mention plug-ins that failed to load.
        images: gives the images that a pooling layer and whitening start from where the run file has no data set; its
            block ``compute`` says how many pixels are decoded.
        kept: folder of the network that an earlier start from these images left.
        builds: kinds beside backbone and pooling that the command is going to build from the configuration.
    """
    from vpr_core.config import BLOCKS, components_of, parse_run, to_yaml
    from vpr_core.trust import refuse_foreign_choices

    described = _described(source, plugins=plugins, settings=settings, device=device, quiet=quiet)
    if described is not None:
        from vpr_runner.training.start import initialised

        config, registry = described
        given_images = None if images is None else images(config.compute)
        retriever = initialised(config, registry, images=given_images, kept=kept, progress=not quiet)
        _remark(retriever)
        return retriever, config, registry
    given = list(plugins or ())
    _refuse_plugins_of(source, allowed=given)
    registry = registry_of(given, quiet=quiet)
    from vpr_runner.exporting.stored import EXPORTED_FILE, exported_network
    from vpr_runner.network.storage import stored_model

    overrides = overrides_of(settings, device=device)
    if source.suffix == ".onnx" or (source / EXPORTED_FILE).is_file():
        network, config = exported_network(source, registry, overrides)
        before = exported_network(source, registry)[1] if overrides else config
        chosen = {
            name: getattr(config, name)
            for name in _chosen_by_the_user(
                dict(components_of(before, BLOCKS)), dict(components_of(config, BLOCKS)), overrides
            )
        }
        refuse_foreign_choices(config, registry, source=str(source), said=chosen, kinds=builds)
        return network, config, registry
    stored = stored_model(source, registry)
    config = parse_run(to_yaml(stored.config), registry, overrides, source=str(source))
    for part in _PARTS:
        _refuse_another(part, getattr(stored.config, part), getattr(config, part), source)
    said = {
        name: getattr(config, name)
        for name in _chosen_by_the_user(
            dict(components_of(stored.config, BLOCKS)), dict(components_of(config, BLOCKS)), overrides
        )
    }
    retriever = stored.network(registry, said=said)
    refuse_foreign_choices(config, registry, source=str(source), said=said, kinds=builds)
    _remark(retriever)
    return retriever, config, registry


def _chosen_by_the_user(
    stored: Mapping[str, ComponentConfig], now: Mapping[str, ComponentConfig], overrides: Sequence[str]
) -> set[str]:
    """Blocks that the command line gives whole: as such, or by the name of another component, which begins it anew.

    ``stored`` and ``now`` are the components of a run file by their kinds, before the overrides and with them.
    """
    from vpr_core.config import BLOCKS

    whole = {override.partition("=")[0].strip() for override in overrides}
    own = set()
    for kind, block in BLOCKS.items():
        here = ".".join(block.path)
        before, after = (getattr(each.get(kind), "type", None) for each in (stored, now))
        if here in whole or (f"{here}.type" in whole and before != after):
            own.add(block.path[0])
    return own


def _refuse_another(part: str, stored: BaseModel | None, asked: BaseModel | None, source: Path) -> None:
    """Refuse an override that would be of no effect: the weights on disk are those of the part that is stored."""
    from vpr_core import UsageError

    # A trained network has no use for the weights that it began with, and may be told them.
    before, after = (None if block is None else block.model_dump(exclude={"weights"}) for block in (stored, asked))
    if before != after:
        raise UsageError(
            f"--set {part}: {source} holds a network with its weights, and its {part} is "
            f"{'null' if stored is None else stored.model_dump(mode='json')}, not "
            f"{'null' if asked is None else asked.model_dump(mode='json')}; leave the setting out, or start from a run "
            "file and train what it describes"
        )


def _described(
    source: Path,
    *,
    plugins: Sequence[Path] | None,
    settings: Sequence[str] | None,
    device: str | None,
    quiet: bool,
) -> tuple[RunConfig, Registry] | None:
    """The run configuration of a run file or a name; None where ``source`` is a network on disk."""
    from vpr_core import UsageError

    if source.suffix in {".yaml", ".yml"}:
        return load(source, plugins=plugins, settings=settings, device=device, quiet=quiet)
    if not is_word(source):
        return None
    registry = registry_of(plugins, quiet=quiet)
    if source.name in registry.models and is_network(source):
        raise UsageError(
            f"{source} is the name of a model and a folder that holds one; write {source.resolve()} for the folder, or "
            "start from another directory for the name"
        )
    if source.name not in registry.models and source.exists():
        return None
    return run_of_name(source.name, registry, overrides_of(settings, device=device)), registry


def _remark(retriever: Retriever) -> None:
    from vpr_runner.network.untrained import said_of

    if said := said_of(retriever):
        log.warning("%s", said)


def _refuse_plugins_of(source: Path, *, allowed: Sequence[Path]) -> None:
    """Refuse a model that needs local plug-ins which the user does not name: those are programs, a model is data."""
    from vpr_core import UsageError
    from vpr_runner.files.documents import parsed

    description = source.with_suffix(".json") if source.suffix else source / "model.json"
    trusted = {path.resolve() for path in allowed}
    for candidate in (description, source / "model" / "model.json"):
        if candidate.is_file():
            try:
                content = parsed(candidate.read_text(encoding="utf-8"))
                named = [Path(name) for name in content["config"]["plugins"]]
            except (ValueError, KeyError, TypeError) as error:
                raise UsageError(
                    f"{candidate}: damaged ({error}); it repeats what the model file says: delete it"
                ) from error
            for plugin in named:
                if plugin.resolve() not in trusted:
                    _refuse_foreign(plugin, candidate, source)
            return


def _refuse_foreign(plugin: Path, description: Path, source: Path) -> None:
    """Refuse to run a file because a model names it, and say whose it is."""
    from vpr_core import UsageError

    folder = (source if source.is_dir() else source.parent).resolve()
    file = plugin.resolve()
    if not plugin.is_absolute():
        why = "by a relative path"
    elif file.is_relative_to(folder):
        why = "which came with it"
    elif hasattr(os, "getuid") and file.exists() and file.stat().st_uid not in (os.getuid(), 0):
        why = "which belongs to another user"
    else:
        why = "which this command does not"
    raise UsageError(
        f"{description} names the plug-in {str(plugin)!r}, {why}. A plug-in is a program: read it, and if you trust "
        f"it, name it yourself, with --plugin {shlex.quote(str(plugin))}"
    )
