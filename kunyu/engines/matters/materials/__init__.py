"""Uploaded materials: taken, read, compared. 材料."""
