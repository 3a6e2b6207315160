"""The ground itself: degrees, earth-centred points, UTM and local metres, and the frame that metres count in.

``geo`` is the WGS84 ellipsoid, ``utm`` its published projection, ``frame`` names a metric frame and turns it into
degrees and back.
"""

from __future__ import annotations

__all__: list[str] = []
