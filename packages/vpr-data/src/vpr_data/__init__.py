"""Visual place recognition data sets: folders, published sets, and a rendered city that needs no download.

Names are loaded when first used, so that importing the package, as a plug-in host does, costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpr_data.city import CityDataset
    from vpr_data.earth.frame import Frame
    from vpr_data.images.augment import Augmentation
    from vpr_data.images.batches import (
        ImageBatch,
        ImageBatches,
        UnreadableImagesError,
        check_images,
        full_batch,
        image_batches,
    )
    from vpr_data.images.coordinates import coordinates
    from vpr_data.images.decode import ImageDecodeError, load_image
    from vpr_data.images.image_set import ImageSet
    from vpr_data.images.resize import resize_image
    from vpr_data.images.sizing import Sizing
    from vpr_data.places.fingerprint import fingerprint_of
    from vpr_data.places.leaks import Leak, find_leaks
    from vpr_data.places.neighbourhoods import within_radius
    from vpr_data.places.rows import Rows
    from vpr_data.places.splits import EvaluationProtocol, PlaceSplit, TrainingRadii
    from vpr_data.published.catalogue import PUBLISHED, open_published
    from vpr_data.published.dataset import PublishedDataset, Recipe
    from vpr_data.published.dbstruct import DbStruct, read_dbstruct
    from vpr_data.published.fetching import fetch, instructions
    from vpr_data.published.holidays import holidays
    from vpr_data.published.on_disk import SetOnDisk
    from vpr_data.published.oxford5k import oxford5k
    from vpr_data.published.paris6k import paris6k
    from vpr_data.published.pittsburgh import pitts30k, pitts250k
    from vpr_data.published.retrieval import RetrievalSet, grown_box
    from vpr_data.published.summary import describe, missing_files, shortfalls
    from vpr_data.published.tokyo import tokyo247, tokyo_tm
    from vpr_data.tables.folders import FolderDataset, training_radii
    from vpr_data.tables.listing import list_images
    from vpr_data.truth.listed import ListedSplit
    from vpr_data.truth.pairs import PairsDataset

__all__ = [
    "PUBLISHED",
    "Augmentation",
    "CityDataset",
    "DbStruct",
    "EvaluationProtocol",
    "FolderDataset",
    "Frame",
    "ImageBatch",
    "ImageBatches",
    "ImageDecodeError",
    "ImageSet",
    "Leak",
    "ListedSplit",
    "PairsDataset",
    "PlaceSplit",
    "PublishedDataset",
    "Recipe",
    "RetrievalSet",
    "Rows",
    "SetOnDisk",
    "Sizing",
    "TrainingRadii",
    "UnreadableImagesError",
    "check_images",
    "coordinates",
    "describe",
    "fetch",
    "find_leaks",
    "fingerprint_of",
    "full_batch",
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
    "shortfalls",
    "tokyo247",
    "tokyo_tm",
    "training_radii",
    "within_radius",
]
__version__ = "0.1.0"

_HOME = {
    "Augmentation": "images.augment",
    "CityDataset": "city",
    "DbStruct": "published.dbstruct",
    "EvaluationProtocol": "places.splits",
    "FolderDataset": "tables.folders",
    "Frame": "earth.frame",
    "ImageBatch": "images.batches",
    "ImageBatches": "images.batches",
    "ImageDecodeError": "images.decode",
    "ImageSet": "images.image_set",
    "Leak": "places.leaks",
    "ListedSplit": "truth.listed",
    "PairsDataset": "truth.pairs",
    "PUBLISHED": "published.catalogue",
    "PlaceSplit": "places.splits",
    "PublishedDataset": "published.dataset",
    "Recipe": "published.dataset",
    "RetrievalSet": "published.retrieval",
    "Rows": "places.rows",
    "SetOnDisk": "published.on_disk",
    "TrainingRadii": "places.splits",
    "UnreadableImagesError": "images.batches",
    "check_images": "images.batches",
    "coordinates": "images.coordinates",
    "describe": "published.summary",
    "fetch": "published.fetching",
    "find_leaks": "places.leaks",
    "fingerprint_of": "places.fingerprint",
    "grown_box": "published.retrieval",
    "holidays": "published.holidays",
    "full_batch": "images.batches",
    "image_batches": "images.batches",
    "instructions": "published.fetching",
    "list_images": "tables.listing",
    "load_image": "images.decode",
    "missing_files": "published.summary",
    "open_published": "published.catalogue",
    "oxford5k": "published.oxford5k",
    "paris6k": "published.paris6k",
    "pitts250k": "published.pittsburgh",
    "pitts30k": "published.pittsburgh",
    "read_dbstruct": "published.dbstruct",
    "resize_image": "images.resize",
    "shortfalls": "published.summary",
    "Sizing": "images.sizing",
    "tokyo247": "published.tokyo",
    "tokyo_tm": "published.tokyo",
    "training_radii": "tables.folders",
    "within_radius": "places.neighbourhoods",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'vpr_data' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"vpr_data.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
