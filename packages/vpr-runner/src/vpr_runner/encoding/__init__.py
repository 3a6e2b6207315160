"""Images to descriptors: written once, called by feature sampling, the mining cache, extraction and evaluation.

``source`` hands over images in batches of equal shape, ``encode`` runs a network over them, ``compute`` says on which
device and at which precision, ``cache`` keeps descriptors that do not fit into memory.
"""
