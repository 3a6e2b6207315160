"""Changes of one line: those of cosmic-ray's operators that alter what a program does."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Change", "drawn", "listed_in"]

_OPERATORS = (
    *("AddNot", "NumberReplacer", "ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceTrueWithFalse"),
    *("ReplaceFalseWithTrue", "ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ZeroIterationForLoop"),
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is")),
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt")),
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("Add_Sub", "Sub_Add", "Mul_Div", "FloorDiv_Div", "BitAnd_BitOr")),
    *(f"ReplaceUnaryOperator_{pair}" for pair in ("Delete_Not", "Delete_USub", "Delete_Invert")),
)
"""Those of cosmic-ray that write what somebody might have written: others break a program at once, as a path times a
path does, and every test notices."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One line that says something else.

    Attributes:
        file: from the root of the repository.
        line: its number.
        before: the line as it stands.
        after: what it becomes.
        why: the operator, or what a person says of it.
    """

    file: str
    line: int
    before: str
    after: str
    why: str


def drawn(root: Path, files: tuple[str, ...], *, count: int, seed: int) -> list[Change]:
    """Return ``count`` changes of ``files``, drawn at random, no two of one line."""
    every = [change for file in files for change in _changes(root, file)]
    random.Random(f"{seed} {' '.join(files)}").shuffle(every)
    chosen: dict[tuple[str, int], Change] = {}
    for change in every:
        chosen.setdefault((change.file, change.line), change)
    return list(chosen.values())[:count]


def listed_in(root: Path, file: str, before: str, after: str, why: str) -> Change:
    """Return the change of the one line of ``file`` that reads ``before``, whatever its indentation.

    Raises:
        ValueError: there is no such line, or more than one: the list is older than the code.
    """
    lines = (root / file).read_text(encoding="utf-8").splitlines()
    found = [number for number, line in enumerate(lines, 1) if line.strip() == before]
    if len(found) != 1:
        raise ValueError(f"{file}: {len(found)} lines read {before!r}; mend bench/mutants/listed.py")
    line = lines[found[0] - 1]
    return Change(file=file, line=found[0], before=line, after=line.replace(before, after), why=why)


def _changes(root: Path, file: str) -> Iterator[Change]:
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator, operator_names

    source = (root / file).read_text(encoding="utf-8")
    meaning = _meaning(source)
    nodes = list(ast_nodes(get_ast(source)))
    for name in operator_names():
        if not name.endswith(_OPERATORS):
            continue
        operator = get_operator(name)()
        for occurrence in range(sum(len(list(operator.mutation_positions(node))) for node in nodes)):
            changed = mutate_code(source, operator, occurrence)
            if changed is None or _meaning(changed) in (meaning, None):
                continue
            pairs = zip(source.splitlines(), changed.splitlines(), strict=False)
            lines = [(number, old, new) for number, (old, new) in enumerate(pairs, 1) if old != new]
            if len(lines) == 1:
                number, old, new = lines[0]
                yield Change(file=file, line=number, before=old, after=new, why=name.rpartition("/")[2])


def _meaning(source: str) -> str | None:
    """The program without its annotations, which nobody evaluates; None: it is no program any more."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
        elif isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
    return ast.dump(tree)
