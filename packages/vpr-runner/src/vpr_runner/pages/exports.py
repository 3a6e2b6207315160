"""What a page shows for other programs: GeoJSON, KML, CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from vpr_core import UsageError
from vpr_runner.files.spreadsheet import as_text

if TYPE_CHECKING:
    from vpr_runner.pages.shown import Point, Shown, ShownQuery

__all__ = ["as_csv", "as_geojson", "as_kml"]

NAMESPACE = "http://www.opengis.net/kml/2.2"


def as_geojson(shown: Shown) -> str:
    """Return a feature collection (RFC 7946: WGS84, longitude first).

    Estimates and answers are points; where it is known where a photo was taken, that is a point and the way from there
    to its first answer a line, of the kind ``error``.

    Raises:
        UsageError: nothing is tied to the earth.
    """
    features = [
        {
            "type": "Feature",
            "geometry": _geometry([[round(longitude, 7), round(latitude, 7)] for latitude, longitude in places]),
            "properties": about,
        }
        for places, about in _places(shown, "GeoJSON")
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False, indent=1) + "\n"


def as_kml(shown: Shown) -> str:
    """Return the same as KML 2.2.

    Raises:
        UsageError: nothing is tied to the earth.
    """
    root = ET.Element("kml", xmlns=NAMESPACE)
    document = ET.SubElement(root, "Document")
    ET.SubElement(document, "name").text = _xml(shown.title)
    for places, about in _places(shown, "KML"):
        mark = ET.SubElement(document, "Placemark")
        ET.SubElement(mark, "name").text = _xml(str(about.get("image", about["query"])))
        data = ET.SubElement(mark, "ExtendedData")
        for name, value in about.items():
            if value is not None:
                ET.SubElement(ET.SubElement(data, "Data", name=name), "value").text = _xml(str(value))
        shape = ET.SubElement(mark, "Point" if len(places) == 1 else "LineString")
        ET.SubElement(shape, "coordinates").text = " ".join(f"{lon:.7f},{lat:.7f}" for lat, lon in places)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def as_csv(shown: Shown) -> str:
    """Return one line an answer, and one of rank 0 for each estimate; degrees to 7 digits, metres to millimetres."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = ["query", "rank", "image", "distance", "lat", "lon", "x", "y", "metres", "radius_m", "believed", "right"]
    writer.writerow(head)
    for query in shown.queries:
        if query.estimate is not None:
            xy, degrees, radius = query.estimate
            tail = ["", f"{radius:.3f}", _word(query.believed), ""]
            writer.writerow([as_text(query.name), 0, "", "", *_numbers(degrees, ".7f"), *_numbers(xy, ".3f"), *tail])
        for answer in query.answers:
            metres = "" if answer.metres is None else f"{answer.metres:.3f}"
            places = [*_numbers(answer.degrees, ".7f"), *_numbers(answer.xy, ".3f")]
            who = [as_text(query.name), answer.rank, as_text(answer.name), f"{answer.distance:.6f}"]
            writer.writerow([*who, *places, metres, "", "", _word(answer.right)])
    return text.getvalue()


def _geometry(places: list[list[float]]) -> dict[str, Any]:
    if len(places) == 1:
        return {"type": "Point", "coordinates": places[0]}
    return {"type": "LineString", "coordinates": places}


def _places(shown: Shown, form: str) -> Iterator[tuple[list[Point], dict[str, Any]]]:
    found = [place for query in shown.queries for place in _of(query)]
    if not found:
        raise UsageError(f"{form} holds latitudes and longitudes, and no answer has one; --csv writes metres too")
    yield from found


def _of(query: ShownQuery) -> Iterator[tuple[list[Point], dict[str, Any]]]:
    right = {} if query.right is None else {"right": query.right}
    if query.degrees is not None:
        yield [query.degrees], {"query": query.name, "kind": "query", **right}
        if query.answers and query.answers[0].degrees is not None:
            metres = {} if query.metres is None else {"metres": round(query.metres, 3)}
            about = {"query": query.name, "kind": "error", "image": query.answers[0].name, **metres, **right}
            yield [query.degrees, query.answers[0].degrees], about
    if query.estimate is not None and query.estimate[1] is not None:
        about = {"kind": "estimate", "radius_m": round(query.estimate[2], 3), "believed": query.believed}
        yield [query.estimate[1]], {"query": query.name, **about}
    for answer in query.answers:
        if answer.degrees is not None:
            known = {"rank": answer.rank, "image": answer.name, "distance": round(answer.distance, 6)}
            right = {} if answer.right is None else {"right": answer.right}
            yield [answer.degrees], {"query": query.name, "kind": "answer", **known, **right}


def _numbers(pair: Point | None, form: str) -> list[str]:
    return ["", ""] if pair is None else [format(value, form) for value in pair]


def _word(value: bool | None) -> str:
    return "" if value is None else str(value).lower()


def _xml(text: str) -> str:
    """XML 1.0 has no place for control characters."""
    return "".join(letter if letter >= " " or letter in "\t\n" else "\ufffd" for letter in text)
