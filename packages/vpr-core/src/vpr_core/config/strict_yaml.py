"""YAML without its traps: one document of mappings, sequences and plain scalars, with the line of every value.

Scalars follow the core schema of YAML 1.2: ``1e-4`` is a float, ``no`` and ``on`` are text, ``12:30:45`` is text.
Refused: tags, anchors and aliases, merge keys, duplicate keys, a second document, nesting beyond `MAX_DEPTH`, more than
`MAX_BYTES` bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from vpr_core.errors import ConfigError, ConfigFault, UsageError

__all__ = ["MAX_BYTES", "MAX_DEPTH", "YamlDocument", "parse_yaml", "read_yaml"]

MAX_BYTES = 1_000_000
MAX_DEPTH = 32
_TOO_DEEP = f"nesting is deeper than {MAX_DEPTH} levels"

Loc = tuple[str | int, ...]

_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INF = re.compile(r"([-+]?)\.(inf|Inf|INF)")
_NAN = re.compile(r"\.(nan|NaN|NAN)")


@dataclass
class YamlDocument:
    """A parsed document.

    Attributes:
        data: nested dicts, lists and scalars.
        source: file name, for messages.
        lines: line (from 1) of each value, by its place in ``data``: ``("pooling", "num_clusters")``.
    """

    data: Any
    source: str
    lines: dict[Loc, int] = field(default_factory=dict)

    def where(self, loc: Loc) -> str:
        """``file:line`` of a value, or of the nearest thing around it."""
        while loc and loc not in self.lines:
            loc = loc[:-1]
        return f"{self.source}:{self.lines[loc]}" if loc in self.lines else self.source


def read_yaml(path: str | Path) -> YamlDocument:
    """Read a YAML file.

    Raises:
        UsageError: it cannot be read.
        ConfigError: it is not UTF-8, too large, not YAML or uses what is refused; names ``file:line``.
    """
    try:
        with Path(path).open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}; name an existing YAML file") from error
    if len(raw) > MAX_BYTES:
        raise _refusal(str(path), f"is larger than {MAX_BYTES:,} bytes; a run file is a page of text")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise _refusal(f"{path}:{line}", f"is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    return parse_yaml(text, source=str(path))


def parse_yaml(text: str, *, source: str = "<text>") -> YamlDocument:
    """Parse YAML text; see the module for what is accepted.

    Raises:
        ConfigError: every duplicate key at once; otherwise the first thing that is not accepted.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise _refusal(source, f"is larger than {MAX_BYTES:,} bytes")
    builder = _Builder(source)
    try:
        for event in _events(text):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark is not None else ""
        said = ", ".join(part for part in (error.context, error.problem) if part)
        # PyYAML 6.0.4 has a limit of its own, which it meets before we have counted.
        raise _refusal(f"{source}{line}", _TOO_DEEP if "nesting depth" in said else f"is not YAML: {said}") from error
    except yaml.YAMLError as error:
        raise _refusal(source, f"is not YAML: {' '.join(str(error).split())}") from error
    if builder.faults:
        raise ConfigError(builder.faults, source=source)
    return builder.document


def _refusal(where: str, message: str) -> ConfigError:
    return ConfigError([ConfigFault(path="", message=f"{where} {message}")], source=where.rsplit(":", 1)[0])


def _events(text: str) -> Iterator[Any]:
    """Events of libyaml where it is built in (a megabyte in 0.2 s), else of PyYAML's own parser."""
    return iter(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


@dataclass
class _Frame:
    """A collection under construction."""

    loc: Loc
    value: dict[str, Any] | list[Any]
    key: str | None = None
    key_lines: dict[str, int] = field(default_factory=dict)


class _Builder:
    """Builds the document from events with a stack of its own, so that no nesting can exhaust Python's."""

    def __init__(self, source: str) -> None:
        self.document = YamlDocument(data=None, source=source)
        self.faults: list[ConfigFault] = []
        self._stack: list[_Frame] = []
        self._documents = 0

    def take(self, event: Any) -> None:
        """Take the next event."""
        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise self._refuse(line, "a second document begins; one file holds one document")
        elif isinstance(event, yaml.AliasEvent):
            raise self._refuse(line, f"alias *{event.anchor} is refused; write the value out")
        elif isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)):
            self._take_node(event, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._stack.pop()

    def _take_node(self, event: Any, line: int) -> None:
        if event.anchor is not None:
            raise self._refuse(line, f"anchor &{event.anchor} is refused; write the value out")
        if event.tag is not None and event.tag != "!":
            raise self._refuse(line, f"tag {event.tag} is refused; write a plain value, or text in quotes")
        frame = self._stack[-1] if self._stack else None
        if frame is not None and isinstance(frame.value, dict) and frame.key is None:
            self._take_key(frame, event, line)
            return
        loc: Loc = ()
        if frame is not None:
            loc = (*frame.loc, len(frame.value) if isinstance(frame.value, list) else str(frame.key))
        value: Any
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event, line) if event.implicit[0] and event.tag is None else event.value
        else:
            value = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._place(frame, value, loc, line)
        if not isinstance(event, yaml.ScalarEvent):
            if len(self._stack) >= MAX_DEPTH:
                raise self._refuse(line, _TOO_DEEP)
            self._stack.append(_Frame(loc=loc, value=value))

    def _take_key(self, frame: _Frame, event: Any, line: int) -> None:
        if not isinstance(event, yaml.ScalarEvent):
            raise self._refuse(line, "a key must be a plain word, not a list or mapping")
        key = event.value
        if key == "<<" and event.implicit[0]:
            raise self._refuse(line, "merge key << is refused; write the values out")
        if key == "":
            raise self._refuse(line, "a key is empty")
        if key in frame.key_lines:
            path = ".".join(map(str, (*frame.loc, key)))
            message = f"key given twice, first in line {frame.key_lines[key]}; keep one"
            self.faults.append(ConfigFault(path=path, message=f"{message} ({self.document.source}:{line})"))
        frame.key_lines[key] = line
        frame.key = key

    def _place(self, frame: _Frame | None, value: Any, loc: Loc, line: int) -> None:
        self.document.lines[loc] = line
        if frame is None:
            self.document.data = value
        elif isinstance(frame.value, list):
            frame.value.append(value)
        else:
            frame.value[str(frame.key)] = value
            frame.key = None

    def _scalar(self, event: Any, line: int) -> Any:
        try:
            return plain_scalar(event.value)
        except ValueError as error:
            raise self._refuse(line, f"{event.value[:40]}... is not a usable number ({error})") from error

    def _refuse(self, line: int, message: str) -> ConfigError:
        return _refusal(f"{self.document.source}:{line}", message)


def plain_scalar(text: str) -> Any:
    """Value of an unquoted scalar by the YAML 1.2 core schema.

    >>> [plain_scalar(text) for text in ("1e-4", "no", "0o17", "~", "12:30", "TRUE", "1_000")]
    [0.0001, 'no', 15, None, '12:30', True, '1_000']
    """
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if _INT.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text[2:], 8)
    if _HEX.fullmatch(text):
        return int(text[2:], 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    if sign := _INF.fullmatch(text):
        return float("-inf") if sign[1] == "-" else float("inf")
    if _NAN.fullmatch(text):
        return float("nan")
    return text
