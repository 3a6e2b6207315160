"""Named image files and their pixels.

``image_set`` lists images with positions, ``coordinates`` gives them in degrees; ``formats`` says which files are
images,
``decode``, ``levels``, ``resize``, ``augment`` make tensors of them, ``batches`` hands them over in groups of equal
shape, ``read_ahead`` works a few files ahead, ``video`` takes frames.
"""
