"""Which of this project's plug-ins a component comes with, for whoever asks for it and has not installed it."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["KNOWN", "comes_with"]

KNOWN: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "vpr-metric-learning": {
        "loss": (
            *("batch_all_triplet", "batch_hard_triplet", "semi_hard_triplet", "multi_similarity", "circle"),
            *("ntxent", "pml_contrastive", "supcon", "cross_batch_memory"),
        ),
        "dataset": ("gsv_cities",),
    },
    "vpr-modern-pooling": {
        "pooling": ("boq", "convap", "cosplace", "crn", "eigenplaces", "mixvpr", "rmac", "salad"),
    },
    "vpr-loggers": {"logger": ("tensorboard",)},
    "vpr-onnxruntime": {"runtime": ("onnxruntime",)},
    "vpr-openvino": {"runtime": ("openvino",)},
    "vpr-qdrant": {"index": ("qdrant",)},
    "vpr-ray": {"engine": ("ray",)},
    "vpr-torchhub": {
        "backbone": (
            *("hub_anyloc", "hub_boq", "hub_cliquemining", "hub_convap", "hub_cosplace", "hub_cricavpr"),
            *("hub_edtformer", "hub_eigenplaces", "hub_image", "hub_megaloc", "hub_mixvpr", "hub_patch_netvlad"),
            *("hub_salad", "hub_selavprpp", "hub_sfrs", "hub_supervlad", "torchhub"),
        ),
        "pooling": ("finished",),
        "model": (
            *("anyloc", "boq-dinov2", "boq-resnet50", "cliquemining", "convap-2048", "convap-4096", "convap-512"),
            *("convap-8192", "cosplace-resnet18-512", "cosplace-resnet50", "cosplace-vgg16-512", "cricavpr"),
            *("edtformer", "eigenplaces-resnet18-512", "eigenplaces-resnet50", "eigenplaces-vgg16-512"),
            *("image-gsv_cities", "image-merged", "megaloc", "mixvpr-128", "mixvpr-4096", "mixvpr-512"),
            *("patch_netvlad-128", "patch_netvlad-4096", "patch_netvlad-512", "salad", "selavprpp-dinov2-base"),
            *("selavprpp-dinov2-base-binary", "selavprpp-dinov2-large", "selavprpp-dinov2-large-binary", "sfrs"),
            *("supervlad", "supervlad-1", "supervlad-cross_image"),
        ),
    },
    "vpr-vismatch": {"reranker": ("vismatch",)},
}
"""Distribution -> kind (``model``: networks by name) -> names; `tests/test_known_plugins.py` compares it with what the
plug-ins yield."""


def comes_with(kind: str, name: str) -> str:
    """Return which plug-in a component comes with, and how to install it; nothing for a name that none here has."""
    found = next((distribution for distribution, kinds in KNOWN.items() if name in kinds.get(kind, ())), None)
    how = f"; it comes with {found}, which is not installed here (pip install ./plugins/{found} in a checkout)"
    return how if found else ""
