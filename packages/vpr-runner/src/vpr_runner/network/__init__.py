"""The network as one module, put together and kept.

``retriever`` is the module, images in and unit descriptors out; ``assembly`` makes it from the blocks of a run file;
``storage`` writes it to one file with its configuration, reads it back and gives it a fingerprint.
"""
