"""A user's own images: folders, lists and tables with positions, read and made into splits.

``folders`` is the data set, ``photos`` one folder for a map. ``listing`` walks folders, ``image_table``, ``csv_table``
and ``geojson`` read tables, ``camera`` EXIF and XMP, ``gpx`` tracks, ``frame_numbers`` names. ``positions`` makes
metres of all their columns, with ``zones``, ``angles`` and ``times``; ``placement`` and ``roles`` decide where they
come from and who is database, who query.
"""
