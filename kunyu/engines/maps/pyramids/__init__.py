"""Derived geometry that tiles are drawn from: generalised below zoom 12, simplified at 12 to 14. 瓦片金字塔."""
