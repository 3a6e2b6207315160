"""Visual place recognition data sets: folders, published sets, and a rendered city that needs no download.

Names are loaded when first used, so that importing the package, as a plug-in host does, costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpr_data.augment import Augmentation
    from vpr_data.batches import ImageBatch, ImageBatches, UnreadableImagesError, check_images, image_batches
    from vpr_data.catalogue import PUBLISHED, open_published
    from vpr_data.checks import describe, missing_files
    from vpr_data.city import CityDataset
    from vpr_data.dbstruct import DbStruct, read_dbstruct
    from vpr_data.decode import ImageDecodeError, load_image
    from vpr_data.fetching import fetch, instructions
    from vpr_data.fingerprint import fingerprint_of
    from vpr_data.folders import FolderDataset, training_radii
    from vpr_data.images import ImageSet
    from vpr_data.leaks import Leak, find_leaks
    from vpr_data.listing import list_images
    from vpr_data.neighbourhoods import within_radius
    from vpr_data.oxford_paris_holidays import holidays, oxford5k, paris6k
    from vpr_data.pittsburgh import pitts30k, pitts250k
    from vpr_data.published import PublishedDataset, Recipe
    from vpr_data.resize import resize_image
    from vpr_data.retrieval import RetrievalSet, grown_box
    from vpr_data.rows import Rows
    from vpr_data.splits import EvaluationProtocol, PlaceSplit, TrainingRadii
    from vpr_data.tokyo import tokyo247, tokyo_tm

__all__ = [
    "PUBLISHED",
    "Augmentation",
    "CityDataset",
    "DbStruct",
    "EvaluationProtocol",
    "FolderDataset",
    "ImageBatch",
    "ImageBatches",
    "ImageDecodeError",
    "ImageSet",
    "Leak",
    "PlaceSplit",
    "PublishedDataset",
    "Recipe",
    "RetrievalSet",
    "Rows",
    "TrainingRadii",
    "UnreadableImagesError",
    "check_images",
    "describe",
    "fetch",
    "find_leaks",
    "fingerprint_of",
    "grown_box",
    "holidays",
    "image_batches",
    "instructions",
    "list_images",
    "load_image",
    "missing_files",
    "open_published",
    "oxford5k",
    "paris6k",
    "pitts30k",
    "pitts250k",
    "read_dbstruct",
    "resize_image",
    "tokyo247",
    "tokyo_tm",
    "training_radii",
    "within_radius",
]
__version__ = "0.1.0"

_HOME = {
    "Augmentation": "augment",
    "CityDataset": "city",
    "DbStruct": "dbstruct",
    "EvaluationProtocol": "splits",
    "FolderDataset": "folders",
    "ImageBatch": "batches",
    "ImageBatches": "batches",
    "ImageDecodeError": "decode",
    "ImageSet": "images",
    "Leak": "leaks",
    "PUBLISHED": "catalogue",
    "PlaceSplit": "splits",
    "PublishedDataset": "published",
    "Recipe": "published",
    "RetrievalSet": "retrieval",
    "Rows": "rows",
    "TrainingRadii": "splits",
    "UnreadableImagesError": "batches",
    "check_images": "batches",
    "describe": "checks",
    "fetch": "fetching",
    "find_leaks": "leaks",
    "fingerprint_of": "fingerprint",
    "grown_box": "retrieval",
    "holidays": "oxford_paris_holidays",
    "image_batches": "batches",
    "instructions": "fetching",
    "list_images": "listing",
    "load_image": "decode",
    "missing_files": "checks",
    "open_published": "catalogue",
    "oxford5k": "oxford_paris_holidays",
    "paris6k": "oxford_paris_holidays",
    "pitts250k": "pittsburgh",
    "pitts30k": "pittsburgh",
    "read_dbstruct": "dbstruct",
    "resize_image": "resize",
    "tokyo247": "tokyo",
    "tokyo_tm": "tokyo",
    "training_radii": "folders",
    "within_radius": "neighbourhoods",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'vpr_data' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"vpr_data.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
