"""A map: a folder that answers where a photo was taken, and that can be carried to another machine.

``layout`` says what lies where, ``write`` makes it of an extraction, ``opened`` opens it, ``places`` is its table of
images and positions, ``index`` searches it. In the folder lie descriptors in chunks, names and positions with their
frame of reference, the network, and one seal over all.
"""
