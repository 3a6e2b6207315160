"""``vpr serve``: a map behind HTTP, for a browser, a robot or another program. Needs the extra ``vpr-runner[serve]``.

``limits`` bounds what a request may cost and ``guard`` holds it to that, ``application`` is the service, ``start_page``
its page, ``additions`` takes photos into the map, ``metrics`` is what it counts, ``listening`` the socket.
"""

from __future__ import annotations

__all__: list[str] = []
