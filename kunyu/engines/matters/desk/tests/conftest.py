"""The world of cases for the pages of officers."""

from kunyu.engines.matters.cases.tests.conftest import with_pack, world

__all__ = ["with_pack", "world"]
