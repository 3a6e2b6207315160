"""A small copy of the structure of GSV-Cities."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

CITIES = {"Boston": (42.36, -71.06), "PRS": (48.86, 2.35)}
HEADER = ["place_id", "year", "month", "northdeg", "city_id", "lat", "lon", "panoid"]


def write(root: Path, *, places: int = 6, images: int = 5) -> Path:
    """Write two cities: place ``p`` of each has ``images`` images, the last place 3; return ``root``."""
    rng = np.random.default_rng(0)
    (root / "Dataframes").mkdir(parents=True)
    for city, (lat, lon) in CITIES.items():
        folder = root / "Images" / city
        folder.mkdir(parents=True)
        rows = []
        for place in range(places):
            pattern = rng.random((3, 4, 3)).repeat(8, 0).repeat(8, 1)
            for number in range(3 if place == places - 1 else images):
                row = {
                    "place_id": place + 7,
                    "year": 2008 + 2 * number,
                    "month": 1 + (5 * number) % 12,
                    "northdeg": 7 + 60 * number,
                    "city_id": city,
                    "lat": lat + 0.002 * place + 1e-5 * number,
                    "lon": round(lon + 1e-5 * number, 6),
                    "panoid": f"p_{place}-{number}_Q",
                }
                rows.append(row)
                noisy = 0.8 * pattern + 0.2 * rng.random(pattern.shape)
                Image.fromarray((255 * noisy).astype(np.uint8)).save(folder / name_of(row))
        with (root / "Dataframes" / f"{city}.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, HEADER)
            table.writeheader()
            table.writerows(rows)
    return root


def name_of(row: dict) -> str:
    """Return the name that the authors' reader looks for."""
    return (
        f"{row['city_id']}_{row['place_id']:07d}_{row['year']:04d}_{row['month']:02d}_{row['northdeg']:03d}_"
        f"{row['lat']}_{row['lon']}_{row['panoid']}.jpg"
    )
