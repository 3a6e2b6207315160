"""Networks executed by OpenVINO on the CPU: ``compute: {runtime: {type: openvino}}`` in a run file."""

from __future__ import annotations

__all__: list[str] = []
