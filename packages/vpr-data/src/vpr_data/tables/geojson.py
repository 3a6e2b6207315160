"""GeoJSON (RFC 7946) as a table of images: a collection of points, longitude first, names in the properties."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vpr_data.tables.image_table import ImageTable, checked, meanings

__all__ = ["read_geojson"]

WGS84 = ("CRS84", "CRS84H", "4326", "4979", "WGS84", "WGS 84")
"""Last words of names for it: ``urn:ogc:def:crs:OGC:1.3:CRS84``, ``EPSG:4326``."""


def read_geojson(path: Path, *, columns: Mapping[str, str] | None = None) -> ImageTable:
    """Read a FeatureCollection of Points.

    Args:
        path: the file.
        columns: meaning to property name where it is not one of `vpr_data.tables.image_table.COLUMNS`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: not JSON, not a collection of points, or a property is missing; names the feature.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: is not JSON ({error})") from error
    _check_frame(data, path)
    features = data.get("features") if isinstance(data, dict) else None
    if not isinstance(features, list):
        raise ValueError(f"{path}: must be a GeoJSON FeatureCollection with a list of features")
    rows = [_row(feature, f"{path}: feature {number}") for number, feature in enumerate(features)]
    header = list(dict.fromkeys(key for properties, _, _ in rows for key in properties))
    given = dict(columns or {})
    taken = meanings(header, {key: name for key, name in given.items() if key not in ("lat", "lon")}, path)
    other = ("lat", "lon", "x", "y", "zone", "latlon", "lat_ref", "lon_ref", "offset")  # the geometry says where
    found = {meaning: name for meaning, name in taken.items() if meaning not in other}
    texts: dict[str, list[str]] = {meaning: [] for meaning in found}
    for number, (properties, _, _) in enumerate(rows):
        for meaning, name in found.items():
            value = properties.get(name)
            if value is None or isinstance(value, (dict, list)):
                raise ValueError(f"{path}: feature {number} must have a text or number as property {name!r}")
            texts[meaning].append(str(value).strip())
    texts["lon"] = [repr(longitude) for _, longitude, _ in rows]
    texts["lat"] = [repr(latitude) for _, _, latitude in rows]
    return checked(ImageTable(source=path, columns=texts, lines=range(len(rows)), counted="feature"))


def _check_frame(data: Any, path: Path) -> None:
    """Refuse coordinates of another frame than WGS84 by its name (``crs``, of GeoJSON before RFC 7946)."""
    crs = data.get("crs") if isinstance(data, dict) else None
    if crs is None:
        return
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    word = str(name).upper().rstrip("/").replace("/", ":").rpartition(":")[2]
    if word not in WGS84:
        raise ValueError(
            f"{path}: its crs is {name if name is not None else crs!r}, not WGS84; GeoJSON holds longitude and "
            "latitude: "
            "export it in EPSG:4326 (ogr2ogr -t_srs EPSG:4326), or give metres as a CSV with columns x and y"
        )


def _row(feature: Any, where: str) -> tuple[dict[str, Any], float, float]:
    """Return properties, longitude and latitude of a feature."""
    geometry = feature.get("geometry") if isinstance(feature, dict) else None
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind != "Point":
        raise ValueError(f"{where} must have a geometry of type Point, got {kind!r}")
    coordinates = geometry.get("coordinates") if isinstance(geometry, dict) else None
    numbers = coordinates if isinstance(coordinates, list) else []
    if len(numbers) < 2 or not all(isinstance(n, (int, float)) and not isinstance(n, bool) for n in numbers[:2]):
        raise ValueError(f"{where} must have coordinates [longitude, latitude], got {coordinates!r}")
    properties = feature.get("properties")
    if not isinstance(properties, dict):
        raise ValueError(f"{where} must have properties with the image's name, got {properties!r}")
    try:
        return properties, float(numbers[0]), float(numbers[1])
    except OverflowError as error:  # a whole number that no float holds
        raise ValueError(f"{where} has a coordinate of more than 308 digits") from error
