"""Coverages: images and grids of heights as maps, tiles, subsets and values at a point. 影像与高程."""
