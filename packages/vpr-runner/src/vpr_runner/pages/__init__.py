"""Pages for people: one self-contained HTML file with a map, photos and tables; and tables for other programs.

``shown`` is what a page shows, ``of_search`` and ``of_eval`` make it, ``thumbnails`` keeps pictures within a budget,
``drawing`` draws the map, ``tiles`` puts a map service below it, ``page`` renders it, ``exports`` writes GeoJSON, KML
and CSV. ``bench`` is the page of a comparison.
"""

from __future__ import annotations

__all__: list[str] = []
