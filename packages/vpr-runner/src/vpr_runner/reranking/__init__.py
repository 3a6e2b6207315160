"""The first answers of a search in a better order, by a component of kind ``reranker``.

``reorder`` cuts the first answers, asks the component and puts them back; ``local`` computes what a component wants to
see of an image, and ``store`` keeps that on disk under the digest of the image's content.
"""
