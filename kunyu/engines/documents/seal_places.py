"""Where a seal belongs on a paper: over the office's name and the date at its end. 盖章位置.

A template says nowhere where that is; the made page is read for the last place its office is named.
"""

from __future__ import annotations

import io

MM_PER_POINT = 25.4 / 72
_BELOW_NAME_MM = 6.0
_FROM_EDGE_MM = 24.0


def place_of(pdf: bytes, office: str) -> tuple[int, tuple[float, float]] | None:
    """Page (from 0) and centre (x, y in mm from the left and bottom edges); None where the office is not named.

    The centre lies a little below the name, so that the seal covers the name and the date under it, and far enough from
    the edges that the whole seal stands on the page.
    """
    import pypdfium2

    try:
        with pypdfium2.PdfDocument(io.BytesIO(pdf)) as document:
            for number in range(len(document) - 1, -1, -1):
                found = _last_on(document[number], office)
                if found is not None:
                    return number, found
    except (pypdfium2.PdfiumError, ValueError, IndexError):
        return None
    return None


def _last_on(page: object, office: str) -> tuple[float, float] | None:
    text = page.get_textpage()  # type: ignore[attr-defined]
    search, box = text.search(office, match_case=True), None
    while (match := search.get_next()) is not None:
        first, length = match
        boxes = [text.get_charbox(one) for one in range(first, first + length)]
        box = (boxes[0][0], boxes[-1][2], boxes[-1][1])
    if box is None:
        return None
    width, height = (one * MM_PER_POINT for one in page.get_size())  # type: ignore[attr-defined]
    x = (box[0] + box[1]) / 2 * MM_PER_POINT
    y = box[2] * MM_PER_POINT - _BELOW_NAME_MM
    return (
        min(max(x, _FROM_EDGE_MM), width - _FROM_EDGE_MM), min(max(y, _FROM_EDGE_MM), height - _FROM_EDGE_MM)
    )  # fmt: skip
