"""STAC API over the images and heights of the one map: who looks for a scene finds it, and streams it. 影像目录服务."""
