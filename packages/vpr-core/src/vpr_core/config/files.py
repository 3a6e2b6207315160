"""Reading run files: YAML, then overrides, then the registry's model; all faults at once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from vpr_core.config.faults import faults_of, where_of
from vpr_core.config.model import named_in, run_config_model
from vpr_core.config.overrides import apply_overrides
from vpr_core.config.run import RunConfig
from vpr_core.config.strict_yaml import YamlDocument, parse_yaml, read_yaml
from vpr_core.errors import ConfigError, ConfigFault, PluginError

if TYPE_CHECKING:
    from vpr_core.catalogue import Catalogue
    from vpr_core.image_needs import ImageNeeds

__all__ = ["load_run_file", "make_run", "parse_run", "plugins_of_run_file"]


def load_run_file(path: str | Path, registry: Catalogue, overrides: Sequence[str] = ()) -> RunConfig:
    """Read a run file: defaults, then the file, then ``overrides`` (``"train.lr=1e-4"``) on top.

    ``plugins`` are resolved against the run file's folder and come back absolute, so that the dump of the result can be
    run from anywhere. Make the registry with ``plugin_files=plugins_of_run_file(path)`` first.

    Raises:
        UsageError: the file cannot be read.
        ConfigError: it is wrong; every fault with its dotted path, value, line, and what would be accepted.
    """
    document = read_yaml(path)
    return _validate(document, registry, overrides, folder=Path(path).resolve().parent)


def parse_run(text: str, registry: Catalogue, overrides: Sequence[str] = (), *, source: str = "run file") -> RunConfig:
    """`load_run_file` for text; ``plugins`` are left as they stand."""
    return _validate(parse_yaml(text, source=source), registry, overrides, folder=None)


def make_run(
    data: Mapping[str, Any], registry: Catalogue, overrides: Sequence[str] = (), *, source: str = "run"
) -> RunConfig:
    """`load_run_file` for data in hand, such as one entry of a suite: plain dicts, lists and scalars."""
    return _validate(YamlDocument(data=dict(data), source=source), registry, overrides, folder=None)


def plugins_of_run_file(path: str | Path, overrides: Sequence[str] = ()) -> tuple[Path, ...]:
    """Absolute paths of the local plug-ins that a run file names, before it can be validated.

    Raises:
        UsageError: the file cannot be read.
        ConfigError: it is not YAML, or ``plugins`` is not a list of file names.
    """
    document = read_yaml(path)
    data, _ = apply_overrides(_mapping(document), overrides)
    plugins = data.get("plugins", [])
    if not isinstance(plugins, list) or not all(isinstance(item, str) and item for item in plugins):
        message = f"got {plugins!r}, expected a list of Python files, for example [./idea.py]"
        raise ConfigError([ConfigFault("plugins", message, document.where(("plugins",)))], source=str(path))
    return tuple((Path(path).resolve().parent / Path(item).expanduser()).resolve() for item in plugins)


def _validate(
    document: YamlDocument, registry: Catalogue, overrides: Sequence[str], *, folder: Path | None
) -> RunConfig:
    data, by_path = apply_overrides(_mapping(document), overrides)
    if folder is not None and isinstance(data.get("plugins"), list):
        data["plugins"] = [
            str((folder / Path(item).expanduser()).resolve()) if isinstance(item, str) and item else item
            for item in data["plugins"]
        ]
    try:
        # JSON mode is strict as YAML is: no bool for int, no text for a number; a list makes a tuple, text a path.
        run = run_config_model(registry, named_in(data)).model_validate_json(json.dumps(data), strict=True)
    except Exception as error:
        if not isinstance(error, ValidationError):  # pydantic passes on all but ValueError and AssertionError
            said = f"{type(error).__name__}: {error}"
            raise PluginError(f"{document.source}: a component's config model failed to validate ({said})") from error
        raise ConfigError(faults_of(error, data, registry, document, by_path), source=document.source) from None
    _check_sizes(run, registry.image_needs(run.backbone), document, by_path)
    whole = run_config_model(registry)  # equal runs have one class, whatever of it was needed to read them
    return whole.model_construct(run.model_fields_set, **{name: getattr(run, name) for name in whole.model_fields})


def _check_sizes(
    run: RunConfig, needs: ImageNeeds | None, document: YamlDocument, overrides: Mapping[str, str]
) -> None:
    """Refuse images that the backbone cannot take, as far as the run file says what they will be."""
    _check_views(run, needs, document, by_path=overrides)
    if needs is None:
        return
    size, multiple = run.image.fixed, run.image.multiple
    field, said = "size", needs.fault(*size) if size is not None else ""
    if said and multiple > 1:
        said = f"cut to multiples of {multiple}: {said}"
    if size is None and multiple > 1 and multiple % needs.multiple:
        field = "multiple"
        said = f"got {multiple}, and this backbone takes multiples of {needs.multiple}; write {needs.multiple}"
    if said:
        fault = ConfigFault(f"image.{field}", said, where_of(("image", field), document, overrides))
        raise ConfigError([fault], source=document.source)


def _check_views(run: RunConfig, needs: ImageNeeds | None, document: YamlDocument, by_path: Mapping[str, str]) -> None:
    """Refuse test methods and scales that the images, or the backbone, cannot have."""
    method, size, field, said = run.eval.test_method, run.image.size, "test_method", ""
    if method is not None and size is None:
        said = f"got {method}, which cuts queries by image.size; give it, for example image: {{size: [480, 640]}}"
    elif needs is not None and size is not None and method in ("five_crops", "nearest_crop", "maj_voting"):
        side = min(size) - min(size) % run.image.multiple
        fault = needs.fault(side, side)
        said = f"{method} cuts squares of {side} x {side} pixels: {fault}" if fault else ""
    elif needs is not None and method == "single_query" and (needs.only or needs.square):
        said = f"{method} keeps the shape of queries, and this backbone takes: {needs.said}"
    elif needs is not None and method == "single_query" and run.image.multiple % needs.multiple:
        said = f"{method} keeps the shape of queries; write image.multiple: {needs.multiple} for this backbone"
    elif needs is not None and needs.only is not None and run.eval.scales != (1.0,):
        field, said = "scales", f"this backbone takes {needs.said}; no other scale"
    if said:
        fault_there = ConfigFault(f"eval.{field}", said, where_of(("eval", field), document, by_path))
        raise ConfigError([fault_there], source=document.source)


def _mapping(document: YamlDocument) -> YamlDocument:
    if not isinstance(document.data, Mapping):
        what = "is empty" if document.data is None else f"holds {type(document.data).__name__}, not a mapping"
        message = f"{document.source} {what}; a run file begins with blocks such as  pooling: {{type: netvlad}}"
        raise ConfigError([ConfigFault("", message)], source=document.source)
    return document
