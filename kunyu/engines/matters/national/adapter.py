"""The way to the platform: a protocol, and the adapter that speaks it over HTTP. 国家平台接口适配.

A province whose platform speaks another dialect writes another class with these two methods. The dialect here is this
product's own (``schema/message.json``): the platform's interface document is not at hand.

``POST {url}/messages`` with ``Idempotency-Key: number:sequence`` answers 200 or 201 ``{"receipt"}``, for a repeated key
with the same receipt; 4xx refuses for good with ``{"errors": […]}``; anything else is tried again.
``GET {url}/reconciliation?day=`` answers ``{"counts": {kind: number}}``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any, Protocol

from kunyu.engines.matters.errors import NationalRefused, NationalUnreachable
from kunyu.engines.matters.settings import MattersSettings
from kunyu.kernel.errors import KunyuError
from kunyu.kernel.outbound import Answer, ask

TRY_AGAIN = (401, 403, 408, 425, 429)
"""Also a wrong token: that is for the node to mend, not for the message."""
_SHOWN = 500


class Platform(Protocol):
    """What takes messages."""

    def send(self, body: Mapping[str, Any], key: str) -> str:
        """Deliver one message and return its receipt. Raises NationalRefused, NationalUnreachable."""

    def counts(self, day: date) -> dict[str, int]:
        """How many messages of each kind it took on a day. Raises NationalUnreachable."""


class HttpPlatform:
    """The platform at ``settings.national_url``."""

    def __init__(self, settings: MattersSettings) -> None:
        self._settings = settings

    def send(self, body: Mapping[str, Any], key: str) -> str:
        """See :class:`Platform`."""
        answer = self._asked("/messages", "POST", {"Idempotency-Key": key}, json.dumps(body, ensure_ascii=False))
        said = _json(answer)
        if answer.status in (200, 201) and isinstance(said.get("receipt"), str) and said["receipt"]:
            return str(said["receipt"])
        if 400 <= answer.status < 500 and answer.status not in TRY_AGAIN:
            why = "; ".join(str(one) for one in said.get("errors", [])) or f"HTTP {answer.status}"
            raise NationalRefused(f"平台退回：{why[:_SHOWN]}", f"The platform refused it: {why[:_SHOWN]}")
        raise NationalUnreachable(
            f"平台没有正常应答（HTTP {answer.status}）。",
            f"The platform did not answer properly (HTTP {answer.status}).",
        )

    def counts(self, day: date) -> dict[str, int]:
        """See :class:`Platform`."""
        answer = self._asked(f"/reconciliation?day={day.isoformat()}", "GET", {}, None)
        found = _json(answer).get("counts")
        if answer.status != 200 or not isinstance(found, dict):
            raise NationalUnreachable(
                f"平台没有给出 {day} 的对账数（HTTP {answer.status}）。",
                f"The platform gave no counts of {day} (HTTP {answer.status}).",
            )
        return {str(kind): int(number) for kind, number in found.items()}

    def _asked(self, path: str, method: str, headers: dict[str, str], body: str | None) -> Answer:
        token = {"Authorization": f"Bearer {self._settings.national_token}"} if self._settings.national_token else {}
        sent = {"Content-Type": "application/json; charset=utf-8", "Accept": "application/json", **token, **headers}
        try:
            return ask(f"{self._settings.national_url}{path}", self._settings.national_reach, sent, method,
                       body.encode() if body is not None else None)  # fmt: skip
        except KunyuError as error:
            raise NationalUnreachable(error.detail_zh, error.detail_en) from None


def _json(answer: Answer) -> dict[str, Any]:
    try:
        said = json.loads(answer.body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
