"""``vpr serve``: a map behind HTTP, for a browser, a robot or another program. Needs the extra ``vpr-runner[serve]``.

``limits`` bounds what a request may cost, ``application`` is the service, ``metrics`` what it counts, ``run`` listens.
"""

from __future__ import annotations

__all__: list[str] = []
