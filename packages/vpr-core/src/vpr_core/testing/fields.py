"""Does every field of a config do something? A parameter that is read and forgotten ruins an experiment in silence."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

import numpy as np
import torch
from pydantic import ValidationError

from vpr_core.components import ComponentConfig
from vpr_core.testing.case import Case

__all__ = ["check_fields_matter", "digest"]


def check_fields_matter(case: Case, observe: Callable[[ComponentConfig], object]) -> None:
    """Change each field alone and require that something observable changes.

    Args:
        case: the component; ``trial.inert`` names fields not to be asked about, ``trial.other`` values to try.
        observe: everything that can be seen of a component built from a config, as a `digest`. A ``ValueError`` from it
            means that the value does not go with the other parameters, and another is tried.
    """
    fields = type(case.config).model_fields
    unknown = sorted((set(case.trial.inert) | set(case.trial.other)) - set(fields))
    if unknown:
        case.breach(f"inert or other names {', '.join(unknown)}, its config has {', '.join(fields)}")
    asked = [name for name in fields if name != "type" and name not in case.trial.inert]
    if not asked:
        return
    before = observe(case.config)
    if before != observe(case.config):
        case.breach(
            "built twice with one seed it behaves differently, so no field can be judged; draw from "
            "torch's global generator at build time, or from a generator with a seed of your own"
        )
    faults = [fault for name in asked if (fault := _fault(case, name, before, observe))]
    if faults:
        case.breach("; ".join(faults))


def _fault(case: Case, name: str, before: object, observe: Callable[[ComponentConfig], object]) -> str | None:
    tried: list[str] = []
    refused: list[str] = []
    for config in _neighbours(case, name):
        value = getattr(config, name)
        try:
            after = observe(config)
        except ValueError as error:
            refused.append(f"{value!r} ({error})")
            continue
        if after != before:
            return None
        tried.append(repr(value))
    now = repr(getattr(case.config, name))
    excuse = f"say why it cannot be seen here: inert = {{{name!r}: '<reason>'}}"
    if tried:
        return (
            f"the field {name!r} changes nothing: {now} and {', '.join(tried)} give the same. Use it in build, take it "
            f"out of the config, or {excuse}"
        )
    why = f"; refused: {', '.join(refused)}" if refused else ""
    return (
        f"no other value than {now} could be tried for the field {name!r}{why}. Give some: other = {{...}}, or {excuse}"
    )


def _neighbours(case: Case, name: str) -> Iterator[ComponentConfig]:
    """Valid configs that differ from the case's in one field."""
    now = getattr(case.config, name)
    values = case.trial.other.get(name)
    if values is None:
        values = list(other_values(now, type(case.config).model_fields[name].annotation))
    data = case.config.model_dump()
    for value in values:
        if value == now and type(value) is type(now):
            continue
        try:
            yield type(case.config).model_validate(data | {name: value})
        except ValidationError:
            continue


def other_values(now: Any, annotation: Any) -> Iterator[Any]:
    """Values near ``now`` that its type may accept; bounds are checked by the model."""
    if get_origin(annotation) is Literal:
        yield from (choice for choice in get_args(annotation) if choice != now)
    elif isinstance(now, bool):
        yield not now
    elif isinstance(now, int):
        yield from (now + 1, now - 1, now * 2, now // 2)
    elif isinstance(now, float):
        yield from (now * 2, now / 2, now * 10, now / 10, now + 0.5, now - 0.5)
    elif isinstance(now, tuple) and now:
        for position, item in enumerate(now):
            for value in other_values(item, type(item)):
                yield (*now[:position], value, *now[position + 1 :])
    elif now is None:
        for choice in get_args(annotation):
            yield from _starts(choice)
        return
    for choice in get_args(annotation) if get_origin(annotation) is not Literal else ():
        if choice is type(None) and now is not None:
            yield None
        elif get_origin(choice) is Literal:
            yield from (value for value in get_args(choice) if value != now)


def _starts(annotation: Any) -> Iterator[Any]:
    """Values for an optional field that is null."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    elif annotation is bool:
        yield from (True, False)
    elif annotation is int:
        yield from (1, 2, 4, 16)
    elif annotation is float:
        yield from (0.5, 1.0, 2.0, 10.0)


def digest(*things: Any) -> str:
    """SHA-256 over tensors, arrays, numbers, text and containers of them: equal digests, equal bits."""
    sha = hashlib.sha256()
    for thing in things:
        _feed(sha.update, thing)
    return sha.hexdigest()


def _feed(update: Callable[[bytes], None], thing: Any) -> None:
    if isinstance(thing, torch.Tensor):
        array = thing.detach().cpu()
        array = array.float() if array.dtype == torch.bfloat16 else array
        update(f"tensor {thing.dtype} {tuple(thing.shape)} {thing.requires_grad}".encode())
        update(np.ascontiguousarray(array.numpy()).tobytes())
    elif isinstance(thing, np.ndarray):
        update(f"array {thing.dtype} {thing.shape}".encode())
        update(np.ascontiguousarray(thing).tobytes())
    elif isinstance(thing, bytes):
        update(thing)
    elif isinstance(thing, Mapping):
        for key in sorted(thing, key=str):
            update(f"key {key!r}".encode())
            _feed(update, thing[key])
    elif isinstance(thing, Sequence) and not isinstance(thing, str):
        update(f"sequence {len(thing)}".encode())
        for item in thing:
            _feed(update, item)
    else:
        update(f"{type(thing).__name__} {thing!r}".encode())
