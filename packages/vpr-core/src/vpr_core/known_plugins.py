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
    "vpr-qdrant": {"index": ("qdrant",)},
    "vpr-ray": {"engine": ("ray",)},
    "vpr-torchhub": {
        "backbone": (
            *("hub_anyloc", "hub_boq", "hub_cliquemining", "hub_convap", "hub_cosplace", "hub_cricavpr"),
            *("hub_edtformer", "hub_eigenplaces", "hub_image", "hub_megaloc", "hub_mixvpr", "hub_patch_netvlad"),
            *("hub_salad", "hub_selavprpp", "hub_sfrs", "hub_supervlad", "torchhub"),
        ),
        "pooling": ("finished",),
    },
}
"""Distribution -> kind -> names; `tests/test_known_plugins.py` compares it with what the plug-ins yield."""


def comes_with(kind: str, name: str) -> str:
    """Return which plug-in a component comes with, and how to install it; nothing for a name that none here has."""
    found = next((distribution for distribution, kinds in KNOWN.items() if name in kinds.get(kind, ())), None)
    how = f"; it comes with {found}, which is not installed here (pip install ./plugins/{found} in a checkout)"
    return how if found else ""
