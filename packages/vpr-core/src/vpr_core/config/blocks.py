"""Where a run file names components: the block of each kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vpr_core.components import KINDS

if TYPE_CHECKING:
    from pydantic import BaseModel

    from vpr_core.components import ComponentConfig

__all__ = ["BLOCKS", "COMPONENT_FIELDS", "Block", "block_at", "components_of"]

Loc = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Block:
    """The place of a kind in a run file.

    Attributes:
        kind: the kind of component.
        path: keys that lead there, ``("compute", "runtime")``.
        default: name of the component that is taken for granted when it is installed and needs no parameter.
        optional: a run file may do without (null).
        many: it is a list, of any length.
    """

    kind: str
    path: tuple[str, ...]
    default: str | None = None
    optional: bool = False
    many: bool = False

    @property
    def shown(self) -> str:
        """How a run file writes a component of this kind, with ``<name>`` for its name."""
        return self.holding("{type: <name>}")

    def holding(self, component: str) -> str:
        """How a run file writes the block with ``component``, a mapping in braces, in it.

        >>> BLOCKS["runtime"].holding("{type: torch}"), BLOCKS["logger"].holding("{type: csv}")
        ('compute: {runtime: {type: torch}}', 'loggers: [{type: csv}]')
        """
        component = f"[{component}]" if self.many else component
        *outer, last = self.path
        text = f"{last}: {component}"
        for key in reversed(outer):
            text = f"{key}: {{{text}}}"
        return text

    def within(self, config: BaseModel | Mapping[str, Any] | None) -> Iterator[tuple[Loc, Any]]:
        """Yield what stands in the block, with its place: one value, or each of a list; nothing where it is null.

        ``config`` is a run file as a model, or the plain data of one.
        """
        here: Any = config
        for key in self.path:
            here = here.get(key) if isinstance(here, Mapping) else getattr(here, key, None)
        if not self.many:
            yield from [(self.path, here)] if here is not None else []
        elif isinstance(here, (list, tuple)):
            for number, value in enumerate(here):
                yield (*self.path, number), value


BLOCKS: dict[str, Block] = {
    block.kind: block
    for block in (
        Block(kind="dataset", path=("dataset",)),
        Block(kind="backbone", path=("backbone",)),
        Block(kind="pooling", path=("pooling",)),
        Block(kind="loss", path=("loss",), default="weakly_supervised_ranking"),
        Block(kind="miner", path=("miner",), default="hard_negatives"),
        Block(kind="index", path=("index",), default="flat"),
        Block(kind="engine", path=("engine",), default="local"),
        Block(kind="sequence", path=("sequence",), optional=True),
        Block(kind="reranker", path=("rerank",), optional=True),
        Block(kind="runtime", path=("compute", "runtime"), default="torch", optional=True),
        Block(kind="logger", path=("loggers",), many=True),
    )
}
"""Block of each kind, in the order in which a run file is read."""

assert set(BLOCKS) == set(KINDS)

COMPONENT_FIELDS = tuple(block.kind for block in BLOCKS.values() if block.path == (block.kind,) and not block.optional)
"""Top-level fields of a run file that hold one component of the kind of that name, always."""


def components_of(config: BaseModel, kinds: Iterable[str]) -> Iterator[tuple[str, ComponentConfig]]:
    """Yield the components of ``kinds`` that a run file names, each with its kind."""
    for kind in kinds:
        for _, component in BLOCKS[kind].within(config):
            yield kind, component


def block_at(loc: Loc) -> Block | None:
    """The block whose component stands at ``loc``; None when it is another place.

    >>> block_at(("compute", "runtime")).kind, block_at(("loggers", 1)).kind, block_at(("loggers",))
    ('runtime', 'logger', None)
    """
    for block in BLOCKS.values():
        steps = len(block.path) + (1 if block.many else 0)
        if len(loc) == steps and loc[: len(block.path)] == block.path and isinstance(loc[-1], int) == block.many:
            return block
    return None
