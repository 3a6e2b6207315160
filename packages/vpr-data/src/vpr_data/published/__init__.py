"""Published sets by name, with their protocols and counts.

``catalogue`` names them; ``pittsburgh``, ``tokyo`` and ``oxford_paris_holidays`` say how each is laid out; ``dataset``
and ``retrieval`` are what they open as; ``dbstruct`` and ``mat5`` read their ground truth, ``fetching`` gets archives,
``summary`` counts what is there beside what was published.
"""
