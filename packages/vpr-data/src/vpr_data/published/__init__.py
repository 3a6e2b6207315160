"""Published sets by name, with their protocols and counts: one file a set, and ``catalogue`` names them all.

``entry`` is what is said of a set, ``on_disk`` what most open as. How they are laid out: ``dataset`` with ``dbstruct``
and ``mat5`` (Pittsburgh and Tokyo as MATLAB has them), ``at_names`` (VPR-datasets-downloader) with ``query_sets``
(several sets of queries over one database) and ``made_up`` (its stand-ins for positions), ``in_step`` (walks and pairs,
VPR-Bench), ``retrieval`` with ``official`` (Oxford, Paris, Holidays). ``fetching`` gets archives, ``summary`` counts
what is there beside what was published, ``listing`` writes the table in docs/datasets.md, ``plugin`` is for hosts.
"""
