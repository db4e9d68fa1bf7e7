"""A state folder of their own for tests that make seals."""

from kunyu.engines.documents.seals.tests.home import node_of_seals, seal_home

__all__ = ["node_of_seals", "seal_home"]
