"""Descriptors of many images as resumable chunk files with a manifest: a map.

``extract`` is the whole of it; ``chunks`` is the unit of work, ``chunk_work`` what an engine is given, ``local_engine``
the engine of this process, ``manifest`` what a folder says of itself, ``descriptors`` how its rows are read.
"""
