"""What to write instead, for command lines that the parser refuses."""

from __future__ import annotations

from typing import Any

__all__ = ["advice"]


def advice(error: Any) -> str | None:
    """Return a line that helps with a click error of a command that takes ``--set``; None when there is none.

    Users of other tools write a parameter of training as an option of its own, and a shell cuts ``--set
    pooling={type: gem}`` at its blank.
    """
    context = getattr(error, "ctx", None)
    parameters = getattr(getattr(context, "command", None), "params", ())
    if not any("--set" in parameter.opts for parameter in parameters):
        return None
    option = getattr(error, "option_name", None)
    if option is not None and hasattr(error, "possibilities"):
        return _setting(option.lstrip("-").replace("-", "_"))
    if "unexpected extra argument" in str(error):
        return "Values with blanks or brackets are quoted for the shell: --set 'image.size=[480, 640]'"
    return None


def _setting(name: str) -> str | None:
    """Return how ``--set`` writes the fields of that name, in the blocks that every run file has."""
    from pydantic import BaseModel

    from vpr_core import RunConfig

    found = [
        f"--set {block}.{name}=..."
        for block, section in RunConfig.model_fields.items()
        if isinstance(section.annotation, type)
        and issubclass(section.annotation, BaseModel)
        and name in section.annotation.model_fields
    ]
    return f"A value of the run file is changed by {' or '.join(found)}" if found else None
