"""What lies where in a map's folder."""

from __future__ import annotations

__all__ = ["EXTRAS", "KEPT_INDEXES", "KIND", "NETWORK_FOLDER", "ORIGIN_FILE", "PLACES_FILE"]

KIND = "map"
PLACES_FILE, ORIGIN_FILE, NETWORK_FOLDER = "images.csv", "origin.json", "model"
EXTRAS = ("calibration.json", "runtime.onnx")
"""What a runtime has learnt (`vpr_runner.extraction.runtime_file`), and what later commands may add to a map; sealed
where it is there."""
KEPT_INDEXES = "index-*.vpr"
"""Indexes that searches have built; not sealed, for each says in itself what it is of."""
