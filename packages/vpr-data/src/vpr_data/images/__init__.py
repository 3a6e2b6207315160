"""The lowest floor: named image files and their pixels.

``image_set`` lists images with positions; ``decode``, ``resize``, ``augment`` make tensors of them, ``batches`` hands
them over in groups of equal shape, ``read_ahead`` works a few files ahead.
"""
