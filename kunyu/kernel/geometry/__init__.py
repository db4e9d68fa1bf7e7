"""Coverage mathematics for checks: overlaps, gaps, validity. Planar, in the unit of the coordinates. 平面拓扑."""
