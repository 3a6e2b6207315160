"""The indexes by name, and what listing them costs."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("vpr_core", reason="the plug-in is for a host; the package alone has none")

from pydantic import ValidationError

from vpr_eval.plugin import FlatConfig, IVFPQConfig, vpr_indexes

SPECS = {spec.name: spec for spec in vpr_indexes()}
ROWS = np.random.default_rng(0).standard_normal((300, 64)).astype(np.float32)


@pytest.mark.parametrize("name", SPECS)
def test_each_is_built_and_searched(name):
    spec = SPECS[name]
    index = spec.build(spec.config(), 64)
    assert index.kind == name == spec.config().type
    index.add(ROWS)
    assert index.search(ROWS[:3], 2).index.shape == (3, 2)


@pytest.mark.parametrize("name", SPECS)
def test_every_field_reaches_the_index(name):
    spec = SPECS[name]
    changes = {
        "metric": "ip",
        "links": 5,
        "ef_construction": 7,
        "ef_search": 9,
        "threads": 2,
        "lists": 3,
        "probes": 2,
        "code": "int8",
        "seed": 6,
        "parts": 8,
        "rescore": 7,
        "query_bits": 4,
        "rotate": True,
    }
    fields = {field: changes[field] for field in spec.config.model_fields if field != "type"}
    index = spec.build(spec.config(**fields), 64)
    assert {"metric": index.metric, **index.parameters()} == fields


def test_flat_is_the_default_of_the_indexes():
    assert list(SPECS) == ["flat", "hnsw", "ivf_sq", "ivf_pq", "ivf_rabitq", "binary"]
    assert FlatConfig().metric == "l2"
    with pytest.raises(ValidationError):
        IVFPQConfig(parts=0)


def test_listing_components_imports_neither_numpy_nor_faiss():
    code = "import sys, vpr_eval.plugin; print([name for name in ('numpy', 'faiss', 'torch') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
