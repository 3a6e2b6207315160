"""``city``: an embedded street-level data set, rendered in numpy, that needs no download."""

from __future__ import annotations

from vpr_data.city.dataset import CityDataset
from vpr_data.city.sheet import contact_sheet, save_sheet
from vpr_data.city.sizes import SIZES, CitySize

__all__ = ["SIZES", "CityDataset", "CitySize", "contact_sheet", "save_sheet"]
