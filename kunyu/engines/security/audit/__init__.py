"""The record of what people and programs did: written in the transaction of the act, chained, signed. 审计.

Callers use `record` and `record_read`; everything else lives in the modules beside. Nothing here imports Django before it
is called, so that an export is verified on a machine that has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kunyu.engines.security.scope import Principal


def record(
    principal: Principal, action: str, object_kind: str, object_id: object, result: str = "done", **detail: object
) -> None:
    """Add one entry; must run inside the transaction of the act, so that neither stands without the other.

    Parameters
    ----------
    action : str
        A verb of the caller, e.g. ``delivery-published``; the same word for the same act everywhere.
    object_kind, object_id
        What was acted upon.
    result : str
        ``done``, ``refused`` or ``failed``.
    **detail
        What else matters, JSON-ready; personal data is masked (`audit.personal`). ``object_label`` (label code),
        ``purpose``, ``ticket``, ``before_digest``, ``after_digest`` and ``device`` become members of the record itself.

    Raises
    ------
    Defect
        No transaction is open.
    """
    from kunyu.engines.security.audit.recording import write

    write(principal, action, object_kind, object_id, result, detail)


def record_read(
    principal: Principal, collection: str, extent_lonlat: tuple[float, float, float, float] | None, label_code: int,
    kind: str = "tiles",
) -> None:  # fmt: skip
    """Put a read of labelled data on record, once for each session, layer, minute and rounded extent.

    Parameters
    ----------
    extent_lonlat : tuple or None
        West, south, east, north in degrees (EPSG:4490); None: no place (a whole collection).
    label_code : int
        Effective label of what is read, 0 to 53; 0 (公开·一般·无条件共享) is not recorded.
    kind : str
        ``tiles``, ``features``, ``identify`` or ``export``.

    Raises
    ------
    ReadNotRecorded
        The read cannot be recorded and must therefore not be answered (fail closed).
    """
    if label_code:
        from kunyu.engines.security.audit.reads import record_read as write

        write(principal, collection, extent_lonlat, label_code, kind)
