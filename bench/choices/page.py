"""``docs/choices.md`` from the result files: surprises, the issue's table, a table and a sentence for each axis."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.choices.figure import draw_costs
from bench.choices.guessed import issue_table, missed
from bench.choices.result import read_results
from bench.choices.said import SHORT, sentence, where
from bench.choices.table import AXES
from bench.choices.verdict import BREAKS, SAFE, Summary, summaries
from vpr_runner.files.atomic import write_text
from vpr_runner.files.provenance import measured

__all__ = ["page", "write_page"]

_SETS = ("city", "tower_walks", "corridor", "gardens_point")
_HEADS = ("NetVLAD", "GeM", "ConvAP")
_MISSED = 3.0
_CLOCKED = {
    "decoding": "milliseconds to decode and resize an image",
    "index": "milliseconds a query",
    "precision": "milliseconds of the network an image",
    "size": "milliseconds of the network an image",
}

_START = """\
# What each choice costs

*Generated from `bench/results/choices-*.json` by `python -m bench.choices --page docs/choices.md`; measured by
`nox -s choices`, with photographs by `nox -s choices -- --data DIR`.*

"""
_HOW = f"""\
A number is the change of recall@1 in points against the plain choice on the same queries. **Worst** names the set,
network and layer that lose most, with the paired 95 % interval (bootstrap over queries). Means are over networks, sets
and layers. A choice is **safe** where the mean loss is under {SAFE:g} point and no interval lies wholly below zero; it
**breaks** from a mean loss of {BREAKS:g} points on; else it **costs**. Of many intervals a few miss zero by chance, and
one query of the small sets is a whole point. The networks are frozen: one that is trained with a choice may suffer
less. recall@5, p-values and every row are in the JSON files.

"""
_ISSUE = """\
## The table that asked for this

ResNet-18 to layer3, NetVLAD with 64 clusters; T is tower_walks, C is corridor; points of recall@1 with the paired 95 %
interval. **Confirmed**: the interval here holds what was measured before. **Corrected**: it does not; believe the
number here, which has an interval.

| choice | guessed | measured once before | measured here | so |
|---|---|---|---|---|
"""


def write_page(path: Path, results: Path) -> None:
    """Write the page and its figure ``images/choices.png`` beside it."""
    found = read_results(results)
    if not found:
        raise SystemExit(f"{results}: no choices-*.json there; run nox -s choices first")
    write_text(path, page(found))
    draw_costs(summaries(row for result in found for row in result["rows"]), path.parent / "images" / "choices.png")


def page(results: Sequence[dict[str, Any]]) -> str:
    """Return the page as Markdown."""
    rows = [row for result in results for row in result["rows"]]
    found = summaries(rows)
    parts = [_START, _surprises(found), _in_short(found), _ISSUE]
    parts += [f"| {' | '.join(line)} |\n" for line in issue_table(rows)]
    parts += [f"\n{_safest(found)}", "\n## How to read the tables\n\n", _HOW, _conditions(results)]
    parts.append("\n![All choices ordered by what they cost](images/choices.png)\n")
    for name, axis in AXES.items():
        mine = [each for each in found if each.axis == name]
        if mine:
            parts.append(f"\n## {axis.title}\n\n{axis.asks}\n\n{_table(mine)}{_refused(rows, name)}")
    return "".join(parts)


def _conditions(results: Sequence[dict[str, Any]]) -> str:
    lines = ["| set | images | queries | seen at | networks |", "|---|---:|---:|---|---|"]
    for result in results:
        for name, at in result["sets"].items():
            networks = "; ".join(dict.fromkeys(row["network"] for row in result["rows"] if row["set"] == name))
            if not networks:
                continue
            seen = " x ".join(map(str, at["size"]))
            lines.append(f"| {name} ({at['protocol']}) | {at['database']} | {at['queries']} | {seen} | {networks} |")
    lines += ["", "Plain recall@1, which every choice is compared with:", ""]
    lines += [f"| network, set | {' | '.join(_HEADS)} |", "|---" + "|---:" * len(_HEADS) + "|"]
    plain: dict[tuple[str, str], dict[str, float]] = {}
    for result in results:
        for row in result["rows"]:
            plain.setdefault((row["network"], row["set"]), {})[row["head"]] = row["plain@1"]
    for (network, at), by in plain.items():
        lines.append(f"| {network}, {at} | {' | '.join(f'{by[head]:.1f}' if head in by else '' for head in _HEADS)} |")
    lines.append("")
    for result in results:
        lines += [f"- {measured(how)}" for how in result["provenance"]]
        lines += [f"- {_took(result)}", *(f"- {note}" for note in result["notes"])]
        if result["unfinished"]:
            lines.append(f"- not measured: {_unfinished(result['unfinished'])}")
    return "\n".join(lines) + "\n"


def _took(result: dict[str, Any]) -> str:
    """Seconds, and how much else the machine did meanwhile."""
    sets, seconds, load = ", ".join(result["sets"]), result["seconds"], result["load"]
    busy = f"; the load was {load[0]:.0f} to {load[1]:.0f} meanwhile" if load else ""
    return (
        f"{sets}: took {seconds['processor'] / 60:.0f} minutes of one processor, {seconds['clock'] / 60:.0f} on the "
        f"clock in {len(result['parts'])} parts, whose date, commit, load and seconds are in the JSON file{busy}: "
        "milliseconds are medians of rounds taken in turns, and only their ratio says something"
    )


def _unfinished(parts: Sequence[str]) -> str:
    """``NETWORK on SET: AXIS`` of each part, the axes of one network and set together."""
    axes: dict[str, list[str]] = {}
    for part in parts:
        where, _, axis = part.rpartition(": ")
        axes.setdefault(where, []).append(AXES[axis].title.lower())
    return "; ".join(
        f"{where}: {'anything' if len(names) == len(AXES) else ', '.join(names)}" for where, names in axes.items()
    )


def _surprises(found: Sequence[Summary]) -> str:
    pairs = missed(found)
    wrong = [(each, guess) for each, guess in pairs if abs(each.mean - guess) >= _MISSED]
    lines = [
        "## Surprises first",
        "",
        f"{len(pairs)} guesses were written down before the first run (`bench/choices/guesses.json`).",
        f"{len(wrong)} of them missed the mean by {_MISSED:g} points or more:",
        "",
        "| choice | made on | guessed | measured | from | to |",
        "|---|---|---:|---:|---|---|",
    ]
    for each, guess in wrong:
        ends = f"{_where(each.worst)} | {_where(each.best)}"
        lines.append(f"| {each.choice} | {each.side} | {guess:+.1f} | {each.mean:+.1f} | {ends} |")
    return "\n".join(lines) + "\n\n"


def _in_short(found: Sequence[Summary]) -> str:
    lines = ["## Each axis in a sentence", "", "Points of recall@1 in the mean, the worst first."]
    everywhere = [at for at in _SETS if any(at in each.by for each in found)]
    for name, axis in AXES.items():
        mine = [each for each in found if each.axis == name]
        if mine:
            sets = [SHORT.get(at, at) for at in everywhere if any(at in each.by for each in mine)]
            alone = f" Measured on {', '.join(sets)} alone." if len(sets) < len(everywhere) else ""
            lines += ["", f"- **{axis.title}.** {sentence(mine)}{alone}"]
    return "\n".join(lines) + "\n\n"


def _safest(found: Sequence[Summary]) -> str:
    """What costs nothing and saves bytes: the smallest store of each layer whose loss is under a point."""
    lines = []
    for head in _HEADS:
        free = [
            each
            for each in found
            if each.axis in ("storage", "index") and each.by.get(head, -SAFE) > -SAFE and each.size[1] < 1
        ]
        if free:
            best = min(free, key=lambda each: (each.size[1], -each.by[head]))
            lines.append(f"{head}: {best.choice}, {best.size[1]:.3g} of the bytes, {best.by[head]:+.1f} points")
    return f"Nearly free, by layer: {'; '.join(lines)}.\n" if lines else ""


def _where(row: dict[str, Any]) -> str:
    return where(row, row["difference@1"][0])


def _table(found: Sequence[Summary]) -> str:
    heads = [head for head in _HEADS if any(head in each.by for each in found)]
    sets = [at for at in _SETS if any(at in each.by for each in found)]
    sized = any(each.size != (1.0, 1.0) for each in found)
    clocked = any(each.time is not None for each in found)
    near = any(each.cosine is not None for each in found)
    titles = ["choice", "made on", *heads, *(SHORT.get(at, at) for at in sets), "worst", "interval"]
    titles += ["cosine"] * near + ["bytes"] * sized + ["ms"] * clocked + ["verdict"]
    lines = [f"| {' | '.join(titles)} |", "|" + "---|" * len(titles)]
    for each in found:
        _, low, high = each.worst["difference@1"]
        cells = [each.choice, each.side, *(f"{each.by[key]:+.1f}" if key in each.by else "" for key in (*heads, *sets))]
        cells += [_where(each.worst), f"[{low:+.1f}, {high:+.1f}]"]
        if near:
            cells.append(_span(*each.cosine, "{:.4f}") if each.cosine else "")
        if sized:
            cells.append(f"{_span(*each.bytes, '{:.0f}')} ({_span(*each.size, '{:.3g}')})")
        if clocked:
            cells.append(f"{_span(*each.ms, '{:.3g}')} ({each.time:.2f})" if each.time and each.ms else "")
        lines.append(f"| {' | '.join([*cells, each.verdict])} |")
    if sized or clocked:
        what = " and ".join(["bytes a descriptor"] * sized + [_CLOCKED.get(found[0].axis, "milliseconds")] * clocked)
        lines += ["", f"{what[0].upper()}{what[1:]}; in brackets the share of the plain choice's."]
    return "\n".join(lines) + "\n"


def _refused(rows: Sequence[dict[str, Any]], axis: str) -> str:
    """What the toolkit would refuse to use, by its bound on the smallest cosine to torch."""
    of = [row for row in rows if row["axis"] == axis and "refused" in row and row["side"] == "both"]
    if not of:
        return ""
    named = [
        f"{row['choice']} of {row['network']}, {row['head']} on {SHORT.get(row['set'], row['set'])} "
        f"({row['smallest_cosine']:.3f}, recall@1 {row['difference@1'][0]:+.1f})"
        for row in of
        if row["refused"]
    ]
    least = "; ".join(named) or "none of these"
    return f"\nThe toolkit uses no runtime whose descriptors have a smaller cosine to torch's than 0.95: {least}.\n"


def _span(low: float, high: float, form: str) -> str:
    first, last = form.format(low), form.format(high)
    return first if first == last else f"{first} .. {last}"
