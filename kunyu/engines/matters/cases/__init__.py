"""Acts on cases, their clock, who may see them. 办件."""
