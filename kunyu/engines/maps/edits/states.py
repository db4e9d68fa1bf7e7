"""The state of one feature as its ETag names it, and as ``If-Match`` brings it back. 要素状态."""

from __future__ import annotations

from django.http import HttpRequest

from kunyu.engines.maps.edits.errors import StateNeeded


def item_tag(fid: int, tag: str) -> str:
    """ETag of a feature: its row, then the digest that every answer has.

    A row is never changed and a changed feature is another row, so the row's number alone is the state.
    """
    return f'"{fid}.{tag[1:]}'


def seen_states(request: HttpRequest) -> frozenset[int] | None:
    """The rows named by ``If-Match``; None for ``*``.

    Raises
    ------
    StateNeeded
        The header is missing.
    """
    given = request.headers.get("If-Match", "").strip()
    if not given:
        raise StateNeeded(
            "请在 If-Match 中带上读取该要素时得到的 ETag，以免覆盖他人的修改。",
            "Send the ETag you read the feature with as If-Match, so that nobody's change is lost.",
        )
    if given == "*":
        return None
    rows = (part.strip().removeprefix("W/").strip('"').partition(".")[0] for part in given.split(","))
    return frozenset(int(row) for row in rows if row.isdecimal() and len(row) < 19)
