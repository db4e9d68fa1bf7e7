"""Records of the map services, one module per subject. 地图引擎的记录."""

from kunyu.engines.maps.models.pyramids import Pyramid

__all__ = ["Pyramid"]
