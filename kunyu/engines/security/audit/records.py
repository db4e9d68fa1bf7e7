"""One act as the text that is hashed. 审计记录的规范文本.

The text is canonical JSON (kernel), written once, stored as written and never written again: verification hashes the
stored bytes and needs no JSON library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from kunyu.kernel.digests import canonical_json

VERSION = 1
BEIJING = timezone(timedelta(hours=8))


@dataclass(frozen=True)
class Subject:
    """Who acted: account id (None for programs of the node), name, organisation and the duty or role acted in."""

    id: int | None
    name: str
    name_zh: str = ""
    organisation: str = ""
    duty: str = ""


@dataclass(frozen=True)
class Record:
    """One act (domain facts: security §7). Texts are kept whole here; columns hold at most their stated length.

    Attributes
    ----------
    time : datetime
        Aware; written in UTC+8 with milliseconds.
    session : str
        A name for the session, never the session key itself.
    address, device : str
        Network address or ``cli``; terminal as far as it is known.
    label : int or None
        Label code of the object (0 to 53), where it has one.
    before, after : str
        SM3 digests of the object's state, hexadecimal, where the act has them.
    detail : mapping
        JSON-ready, already masked (`personal`).
    """

    time: datetime
    zone: str
    node: str
    subject: Subject
    action: str
    object_kind: str
    object_id: str
    result: str
    session: str = ""
    address: str = ""
    device: str = ""
    label: int | None = None
    purpose: str = ""
    ticket: str = ""
    before: str = ""
    after: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        """The canonical text: keys sorted, empty values left out, so that most records stay short."""
        document: dict[str, Any] = {
            "v": VERSION,
            "time": written_time(self.time),
            "zone": self.zone,
            "node": self.node,
            "who": _filled(vars(self.subject)),
            "from": _filled({"address": self.address, "device": self.device, "session": self.session}),
            "action": self.action,
            "object": _filled({"kind": self.object_kind, "id": self.object_id, "label": self.label}),
            "purpose": self.purpose,
            "ticket": self.ticket,
            "result": self.result,
            "before": self.before,
            "after": self.after,
            "detail": dict(self.detail),
        }
        return canonical_json(_filled(document)).decode("utf-8")


def written_time(moment: datetime) -> str:
    """RFC 3339 in UTC+8 with milliseconds, e.g. ``2026-11-23T11:25:59.123+08:00``."""
    return moment.astimezone(BEIJING).isoformat(timespec="milliseconds")


def to_milliseconds(moment: datetime) -> datetime:
    """The same instant without microseconds: what the text and the column both hold."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in ("", None, {})}
