"""What a notebook shows of a result: a table in HTML, without a script, a style sheet or a picture."""

from __future__ import annotations

from collections.abc import Sequence

from vpr_runner.files.terminal import visible

__all__ = ["html_table"]

_TEMPLATE = """<table>
<caption>{{ caption }}</caption>
<thead><tr>{% for cell in head %}<th>{{ cell }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in rows %}
<tr>
{%- for cell in row %}<td>{% if cell.bold %}<b>{{ cell.text }}</b>{% else %}{{ cell.text }}{% endif %}</td>{% endfor -%}
</tr>
{% endfor %}
</tbody>
</table>
{% for note in notes %}
<div>{{ note }}</div>
{% endfor %}
"""


def html_table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    caption: str = "",
    notes: Sequence[str] = (),
    bold: Sequence[tuple[int, int]] = (),
) -> str:
    """Return HTML in which every text is shown as it stands, whatever it holds.

    Args:
        head: of the columns.
        rows: cells of each line.
        caption: above the table.
        notes: lines below it.
        bold: places ``(row, column)``, from 0, of cells that stand out.
    """
    from jinja2 import Environment, StrictUndefined

    marked = set(bold)
    cells = [
        [{"text": visible(text), "bold": (line, column) in marked} for column, text in enumerate(row)]
        for line, row in enumerate(rows)
    ]
    templates = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return templates.from_string(_TEMPLATE).render(
        caption=visible(caption), head=list(map(visible, head)), rows=cells, notes=list(map(visible, notes))
    )
