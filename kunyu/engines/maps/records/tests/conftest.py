"""The committed county of the map services."""

from kunyu.engines.maps.tests.conftest import ask, county

__all__ = ["ask", "county"]
