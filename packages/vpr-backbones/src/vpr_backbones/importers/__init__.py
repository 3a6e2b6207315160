"""Trained networks of other projects, read into one neutral structure of plain tensors."""

from __future__ import annotations

from vpr_backbones.importers.read import read_retriever
from vpr_backbones.importers.retriever import ImportedPooling, ImportedRetriever

__all__ = ["ImportedPooling", "ImportedRetriever", "read_retriever"]
