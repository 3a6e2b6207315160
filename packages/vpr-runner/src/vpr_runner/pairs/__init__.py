"""Pairs of images for reconstruction and localisation, written as other tools read them.

``choose`` picks pairs of a map, or of queries and a map; ``poses`` picks them by where cameras stood; ``formats``
writes lists for hloc, COLMAP, kapture and spreadsheets, ``features`` global descriptors for hloc and kapture.
"""
