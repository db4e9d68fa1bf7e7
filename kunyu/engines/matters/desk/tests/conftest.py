"""The world of cases for the pages of officers."""

from kunyu.engines.matters.cases.tests.conftest import seal, with_pack, world

__all__ = ["seal", "with_pack", "world"]
