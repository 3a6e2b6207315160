"""What a network looks at, and what it finds: occlusion heat maps, assignment maps, retrieval examples."""

from __future__ import annotations

from vpr_runner.explain.assignment import assignment_maps
from vpr_runner.explain.examples import Example, retrieval_examples
from vpr_runner.explain.explanation import explain_images, explain_split
from vpr_runner.explain.occlusion import OcclusionMap, occlusion_map

__all__ = [
    "Example",
    "OcclusionMap",
    "assignment_maps",
    "explain_images",
    "explain_split",
    "occlusion_map",
    "retrieval_examples",
]
