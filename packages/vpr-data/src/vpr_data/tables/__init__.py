"""A user's own images: folders, lists and tables with positions, read and made into splits.

``folders`` is the data set; ``listing`` walks folders, ``image_table`` and ``geojson`` read tables, ``positions`` makes
metres of their columns, ``placement`` and ``roles`` decide where positions come from and who is database, who query.
"""
