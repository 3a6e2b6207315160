"""What the package is without a host, and what listing its components costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import vpr_rerank


def imported(code, *names):
    code += f"; import sys; print([name for name in {names!r} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_the_package_needs_no_host_and_listing_no_numpy():
    code = "import vpr_rerank; [getattr(vpr_rerank, name) for name in vpr_rerank.__all__]"
    assert imported(code, "pluggy", "pydantic", "vpr_core", "torch", "cv2", "faiss") == "[]"


def test_names():
    assert sorted(vpr_rerank.__all__) == dir(vpr_rerank)
    for name in vpr_rerank.__all__:
        assert getattr(vpr_rerank, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'rerank'; it has"):
        vpr_rerank.__getattr__("rerank")


def test_the_components_by_name():
    pytest.importorskip("vpr_core", reason="the plug-in is for a host; the package alone has none")
    assert imported("import vpr_rerank.plugin", "numpy", "cv2", "torch") == "[]"
    from pydantic import ValidationError

    from vpr_rerank.plugin import DenseConfig, KReciprocalConfig, vpr_rerankers

    specs = {spec.name: spec for spec in vpr_rerankers()}
    assert {name: spec.needs for name, spec in specs.items()} == {
        "query_expansion": "descriptors",
        "k_reciprocal": "descriptors",
        "rootsift": "images",
        "dense": "maps",
    }
    assert all(spec.config().type == name for name, spec in specs.items())
    with pytest.raises(ValidationError, match="more than k1"):
        KReciprocalConfig(k1=2)
    with pytest.raises(ValidationError, match="one each"):
        DenseConfig(patches=(1,))
