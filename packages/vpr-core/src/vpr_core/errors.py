"""Errors that a user sees. Leaves raise built-in exceptions; these are for hosts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["ConfigError", "ConfigFault", "PluginError", "UnknownComponentError", "UsageError", "VPRError"]


class VPRError(Exception):
    """Base of all errors of the toolkit."""


class UsageError(VPRError):
    """The user can put it right: one message on stderr, exit code 2, no traceback."""


@dataclass(frozen=True)
class ConfigFault:
    """One fault of a run file.

    Attributes:
        path: dotted path of the field, empty for the file as a whole.
        message: what is wrong and what would be right.
        where: ``file:line`` or the ``--set`` that says it; empty when unknown.
    """

    path: str
    message: str
    where: str = ""

    def __str__(self) -> str:
        text = f"{self.path}: {self.message}" if self.path else self.message
        return f"{text} ({self.where})" if self.where else text


class ConfigError(UsageError):
    """A run file is wrong; all its faults at once."""

    def __init__(self, faults: Sequence[ConfigFault], *, source: str = "run file") -> None:
        self.faults = tuple(faults)
        self.source = source
        lines = "\n".join(f"  {fault}" for fault in self.faults)
        count = len(self.faults)
        super().__init__(f"{source}: {count} fault{'s' if count != 1 else ''}\n{lines}")


class UnknownComponentError(UsageError):
    """No component of that kind has that name."""


class PluginError(VPRError):
    """A plug-in breaks the rules; names its distribution and version."""
