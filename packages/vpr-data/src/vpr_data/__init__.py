"""Visual place recognition data sets: folders, published sets, and a rendered city that needs no download.

Names are loaded when first used, so that importing the package, as a plug-in host does, costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpr_data.augment import Augmentation
    from vpr_data.batches import ImageBatch, ImageBatches, UnreadableImagesError, check_images, image_batches
    from vpr_data.decode import ImageDecodeError, load_image
    from vpr_data.folders import FolderDataset, training_radii
    from vpr_data.images import ImageSet
    from vpr_data.listing import list_images
    from vpr_data.neighbourhoods import within_radius
    from vpr_data.resize import resize_image
    from vpr_data.rows import Rows
    from vpr_data.splits import EvaluationProtocol, PlaceSplit, TrainingRadii

__all__ = [
    "Augmentation",
    "EvaluationProtocol",
    "FolderDataset",
    "ImageBatch",
    "ImageBatches",
    "ImageDecodeError",
    "ImageSet",
    "PlaceSplit",
    "Rows",
    "TrainingRadii",
    "UnreadableImagesError",
    "check_images",
    "image_batches",
    "list_images",
    "load_image",
    "resize_image",
    "training_radii",
    "within_radius",
]
__version__ = "0.1.0"

_HOME = {
    "Augmentation": "augment",
    "EvaluationProtocol": "splits",
    "FolderDataset": "folders",
    "ImageBatch": "batches",
    "ImageBatches": "batches",
    "ImageDecodeError": "decode",
    "ImageSet": "images",
    "PlaceSplit": "splits",
    "Rows": "rows",
    "TrainingRadii": "splits",
    "UnreadableImagesError": "batches",
    "check_images": "batches",
    "image_batches": "batches",
    "list_images": "listing",
    "load_image": "decode",
    "resize_image": "resize",
    "training_radii": "folders",
    "within_radius": "neighbourhoods",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'vpr_data' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"vpr_data.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
