"""Networks executed by onnxruntime on the CPU: ``compute: {runtime: {type: onnxruntime}}`` in a run file."""

from __future__ import annotations

__all__: list[str] = []
