"""Ground truth as lists: which database images are right for each query, said and not measured.

``object_arrays`` reads the arrays of arrays that published sets come with, and nothing else; ``lists`` reads names and
lists of any form; ``listed`` is the split, ``pairs`` the data set that a run file names.
"""
