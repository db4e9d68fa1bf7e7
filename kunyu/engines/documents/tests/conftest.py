"""A state folder of their own: seals, keys of personal fields, objects."""

from kunyu.engines.documents.seals.tests.made import node_of_seals, seal_home

__all__ = ["node_of_seals", "seal_home"]
