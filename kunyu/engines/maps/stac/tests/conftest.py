"""The gallery of the coverage tests."""

from kunyu.engines.maps.coverages.tests.conftest import ask, gallery, rasters

__all__ = ["ask", "gallery", "rasters"]
