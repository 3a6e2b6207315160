"""What is said of an axis in one sentence: what is safe, what costs, what breaks, and under which conditions."""

from __future__ import annotations

from collections.abc import Sequence

from bench.choices.verdict import Summary

__all__ = ["SHORT", "sentence", "where"]

SHORT = {"tower_walks": "tower", "gardens_point": "gardens"}
_SIDES = {"both": "", "queries": " on the queries alone", "database": " on the database alone"}
_ONE_SIDED = ("queries", "machine", "storage")
_SETS = ("city", "tower_walks", "corridor", "gardens_point")
_HEADS = ("NetVLAD", "GeM", "ConvAP")
MOST = 6
"""Choices of one verdict that are named; the tables have all."""


def sentence(found: Sequence[Summary]) -> str:
    """Return one sentence on an axis, of its choices."""
    parts = []
    for verdict, said in (("breaks", "**breaks**"), ("costs", "**costs**"), ("safe", "**safe**")):
        of = sorted((each for each in found if each.verdict == verdict), key=lambda each: each.mean)
        if not of:
            continue
        if len(of) == len(found) and verdict == "safe":
            all_of = "what there is" if len(of) == 1 else f"all {len(of)} of them"
            return f"**Safe** under every condition here: {all_of}."
        names = [_named(each) + (f" ({each.mean:+.1f})" if verdict != "safe" else "") for each in of[:MOST]]
        more = f"; {len(of) - MOST} more" if len(of) > MOST else ""
        parts.append(f"{said}: {'; '.join(names)}{more}")
    text = ". ".join(part[:2] + part[2].upper() + part[3:] for part in parts)
    return f"{text}. {_conditions(found)}".strip()


def where(row: dict[str, object], difference: float) -> str:
    """A difference and the condition that it was found under."""
    return f"{difference:+.1f} ({SHORT.get(str(row['set']), row['set'])}, {row['network']}, {row['head']})"


def _named(each: Summary) -> str:
    """The choice, with its side where the axis has several."""
    if each.axis in _ONE_SIDED:
        return each.choice
    return each.choice + _SIDES[each.side]


def _conditions(found: Sequence[Summary]) -> str:
    """Of the choices that are not safe: on which set and with which layer they cost most and least."""
    dear = [each for each in found if each.verdict != "safe"]
    said = []
    for title, keys in (("on", _SETS), ("with", _HEADS)):
        means = {
            key: sum(each.by[key] for each in dear) / len(dear)
            for key in keys
            if dear and all(key in each.by for each in dear)
        }
        if len(means) < 2:
            continue
        most, least = min(means, key=lambda key: means[key]), max(means, key=lambda key: means[key])
        names = [SHORT.get(key, key) for key in (most, least)]
        said.append(f"{title} {names[0]} ({means[most]:+.1f}), least {title} {names[1]} ({means[least]:+.1f})")
    if not said:
        return ""
    return f"What is not safe costs most {' and most '.join(said)}, in the mean of those choices."
