"""House API of the analyses: what a plot overlaps, its land classes, its history, what is near. 空间分析."""

from __future__ import annotations

from ninja import Router

router = Router(tags=["analysis"])
