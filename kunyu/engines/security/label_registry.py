"""Which label a collection bears now: the approved labels, kept in memory per epoch."""

from __future__ import annotations

from django.db import connection

from kunyu.engines.security import epochs
from kunyu.engines.security.labels import ORDINARY, Label, label_of_code

_APPROVED = "SELECT collection, secrecy * 9 + grading * 3 + sharing FROM security_label WHERE state = 'approved'"
_kept: dict[str, tuple[int, dict[str, int]]] = {}


def approved_codes() -> dict[str, int]:
    """Label codes by collection, approved ones only."""
    epoch, database = epochs.current().labels, str(connection.settings_dict["NAME"])
    kept = _kept.get(database)
    if kept is not None and kept[0] == epoch:
        return kept[1]
    with connection.cursor() as cursor:
        cursor.execute(_APPROVED)
        found = dict(cursor.fetchall())
    if epoch is not None:
        _kept[database] = (epoch, found)
    return found


def approved_label(collection: str) -> Label | None:
    """The approved label of a collection, or of the dataset it belongs to; None when nobody approved one."""
    codes = approved_codes()
    code = codes.get(collection)
    if code is None:
        code = codes.get(collection.partition(".")[0])
    return None if code is None else label_of_code(code)


def label_of(collection: str) -> Label:
    """The label that decides who may see a collection: the approved one, or :data:`labels.ORDINARY` without one."""
    return approved_label(collection) or ORDINARY


_with_records: dict[str, tuple[int, dict[str, Label]]] = {}


def record_labels() -> dict[str, Label]:
    """Collections in which a label of single records was ever approved, with the join of those labels; per epoch."""
    epoch, database = epochs.current().labels, str(connection.settings_dict["NAME"])
    kept = _with_records.get(database)
    if kept is not None and kept[0] == epoch:
        return kept[1]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT collection, max(secrecy), max(grading), max(sharing) FROM security_recordlabel "
            "WHERE state = 'approved' GROUP BY collection"
        )
        found = {row[0]: Label(*row[1:]) for row in cursor.fetchall()}
    if epoch is not None:
        _with_records[database] = (epoch, found)
    return found


def strictest_of(collection: str) -> Label:
    """The strictest label that rows of a collection may have: its own, joined with those of its labelled records."""
    label = label_of(collection)
    return label.join(record_labels().get(collection, label))
