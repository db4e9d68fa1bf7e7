"""Records of the map services, one module per subject. 地图引擎的记录."""

from kunyu.engines.maps.models.compositions import (
    Composition,
    CompositionShare,
    CompositionVersion,
    MapPrint,
    SavedStyle,
)
from kunyu.engines.maps.models.desk import FavouriteLayer, RecentLayer
from kunyu.engines.maps.models.editing import EditingDecision
from kunyu.engines.maps.models.exports import Export
from kunyu.engines.maps.models.pyramids import Pyramid

__all__ = [
    "Composition",
    "CompositionShare",
    "CompositionVersion",
    "EditingDecision",
    "Export",
    "FavouriteLayer",
    "MapPrint",
    "Pyramid",
    "RecentLayer",
    "SavedStyle",
]
