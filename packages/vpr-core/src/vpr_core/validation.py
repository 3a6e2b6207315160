"""The rules a spec keeps before anything else may look at it."""

from __future__ import annotations

import re
from typing import Any, Literal, get_args, get_origin

from vpr_core.components import (
    CAPABILITIES,
    KINDS,
    ComponentConfig,
    ComponentSpec,
    RerankerConfig,
    RerankerNeeds,
    RerankerSpec,
    RuntimeNeeds,
)
from vpr_core.defaults import admit_defaults
from vpr_core.plain import is_plain

__all__ = ["NAME_PATTERN", "check_spec"]

NAME_PATTERN = r"([1-9][0-9]{0,3})?[a-z][a-z0-9_]{0,63}"
_NEEDS = {"reranker": get_args(RerankerNeeds), "runtime": get_args(RuntimeNeeds)}


def check_spec(spec: object, *, kind: str, hook: str) -> ComponentSpec[Any]:
    """Return ``spec`` as the spec of ``kind`` that it is.

    Raises:
        TypeError: it is not an instance of the kind's spec class, its config no model, its build no function.
        ValueError: name, ``type`` literal or summary break the rules.
    """
    wanted = KINDS[kind]
    if not isinstance(spec, wanted):
        hint = f"; {spec.kind}s belong in another hook" if isinstance(spec, ComponentSpec) else ""
        raise TypeError(f"{hook} must yield {wanted.__name__}, got {_short(spec)}{hint}")
    name: object = spec.name  # a plug-in is not type-checked
    if not isinstance(name, str) or re.fullmatch(NAME_PATTERN, name) is None:
        raise ValueError(f"{hook}: name must match {NAME_PATTERN}, got {_short(name)}")
    where = f"{kind} {spec.name!r}"
    config: object = spec.config
    if not isinstance(config, type) or not issubclass(config, ComponentConfig):
        raise TypeError(f"{where}: config must be a subclass of vpr_core.ComponentConfig, got {_short(config)}")
    if isinstance(spec, RerankerSpec) and not issubclass(config, RerankerConfig):
        raise TypeError(f"{where}: config must be a subclass of vpr_core.RerankerConfig, got {_short(config)}")
    _check_type_literal(spec, where)
    if not config.__pydantic_complete__ and not is_plain(config):
        config.model_rebuild()  # an annotation whose name exists nowhere is this plug-in's fault
    admit_defaults(config)
    build = getattr(spec, "build", None)
    if not callable(build) or isinstance(build, type):
        raise TypeError(f"{where}: build must be a function of (config, ...), got {_short(build)}")
    for field in ("summary", "paper"):
        text = getattr(spec, field)
        if not isinstance(text, str) or not text.isprintable():
            raise ValueError(f"{where}: {field} must be one printable line, got {_short(text)}")
    if not spec.summary.strip():
        raise ValueError(f"{where}: summary is empty; say in one line what the component does")
    _check_choice(spec, where)
    _check_capabilities(spec, where)
    return spec


def _check_choice(spec: ComponentSpec[Any], where: str) -> None:
    """``needs`` is one of the words that the spec class allows."""
    choices = _NEEDS.get(spec.kind, ())
    said = getattr(spec, "needs", None)
    if choices and said not in choices:
        raise ValueError(f"{where}: needs must be one of {', '.join(choices)}, got {_short(said)}")


def _check_capabilities(spec: ComponentSpec[Any], where: str) -> None:
    """What a component may do is said by True and False, and for one config by a function."""
    for name in CAPABILITIES:
        if not isinstance(getattr(spec, name), bool):
            raise TypeError(f"{where}: {name} must be True or False, got {_short(getattr(spec, name))}")
    if spec.capabilities is not None and not callable(spec.capabilities):
        raise TypeError(f"{where}: capabilities must be a function of the config, or None")


def _check_type_literal(spec: ComponentSpec[Any], where: str) -> None:
    """``type: Literal["name"] = "name"``: the tag of the union, and what a dump writes."""
    field = spec.config.model_fields["type"]
    wanted = f'give {spec.config.__name__} the field type: Literal["{spec.name}"] = "{spec.name}"'
    if get_origin(field.annotation) is not Literal or get_args(field.annotation) != (spec.name,):
        raise ValueError(f"{where}: config's type is {_short(field.annotation)}, not the literal; {wanted}")
    if field.default != spec.name:
        raise ValueError(f"{where}: config's type has no default or another one; {wanted}")
    if field.alias or field.validation_alias or field.serialization_alias:
        raise ValueError(f"{where}: config's type must have no alias; {wanted}")


def _short(value: object) -> str:
    """A repr that cannot flood the screen or steer the terminal."""
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
