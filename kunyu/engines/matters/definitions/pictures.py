"""The flow of an edition as a picture for the page. 流程图."""

from __future__ import annotations

from collections.abc import Collection

from django.utils.safestring import SafeString, mark_safe

from kunyu.engines.matters.definitions.overlays import Content
from kunyu.engines.matters.errors import BadFlow
from kunyu.engines.matters.flows.drawing import draw
from kunyu.engines.pages.words import is_english


def flow_picture(content: Content) -> SafeString | None:
    """SVG of the flow; None for a matter without one. ``draw`` builds it as a tree: names are text, never markup."""
    if not content.flow:
        return None
    svg = draw(
        content.flow.encode("utf-8"), process=content.definition.process, language="en" if is_english() else "zh"
    )
    return mark_safe(svg)  # noqa: S308  # nosec B308, B703


def faulty_picture(flow: bytes, elements: Collection[str]) -> SafeString | None:
    """SVG of a flow that was refused, with the elements at fault marked; None when it cannot be drawn."""
    try:
        return mark_safe(draw(flow, faulty=elements, language="en" if is_english() else "zh"))  # noqa: S308  # nosec B308, B703
    except BadFlow:
        return None
