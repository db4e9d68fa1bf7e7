"""Records of the map services, one module per subject. 地图引擎的记录."""

from kunyu.engines.maps.models.compositions import (
    Composition,
    CompositionShare,
    CompositionVersion,
    MapPrint,
    SavedStyle,
)
from kunyu.engines.maps.models.desk import FavouriteLayer, RecentLayer
from kunyu.engines.maps.models.pyramids import Pyramid

__all__ = [
    "Composition",
    "CompositionShare",
    "CompositionVersion",
    "FavouriteLayer",
    "MapPrint",
    "Pyramid",
    "RecentLayer",
    "SavedStyle",
]
