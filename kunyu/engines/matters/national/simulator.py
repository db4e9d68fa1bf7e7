"""A stand-in for the national platform, for tests and demonstrations. 国家平台模拟器.

It does what the platform must do as far as a node can tell: takes messages over HTTP, judges them by the schema, answers
with receipts, counts by day, answers a repeated message with its first receipt, refuses what it is told to refuse. It
keeps everything in memory and says in every receipt that it is simulated.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib import resources
from typing import Any
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, make_server
from zoneinfo import ZoneInfo

from jsonschema import Draft202012Validator, FormatChecker

CHINA = ZoneInfo("Asia/Shanghai")
MOST_BYTES = 1 << 20
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Answer = tuple[str, Mapping[str, Any]]


def message_schema() -> dict[str, Any]:
    """The schema of a message."""
    text = resources.files("kunyu.engines.matters.national").joinpath("schema/message.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def faults_of(body: Any) -> list[str]:
    """What is wrong with a message by the schema, each with its place."""
    validator = Draft202012Validator(message_schema(), format_checker=FormatChecker())
    found = sorted(validator.iter_errors(body), key=lambda one: list(map(str, one.path)))
    return [f"{'/'.join(map(str, one.path)) or '(message)'}: {one.message}" for one in found]


@dataclass
class Simulator:
    """The WSGI application with its memory.

    ``token``: what ``Authorization`` must bear, '' for nothing. ``failing``: so many of the next requests are answered
    503; ``refusing``: numbers of cases whose messages are refused.
    """

    token: str = ""
    failing: int = 0
    refusing: set[str] = field(default_factory=set)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    receipts: dict[str, str] = field(default_factory=dict)
    days: dict[str, str] = field(default_factory=dict)
    repeated: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        with self.lock:
            status, said = self._answer(environ)
        content = json.dumps(said, ensure_ascii=False).encode()
        start_response(
            status, [("Content-Type", "application/json; charset=utf-8"), ("Content-Length", str(len(content)))]
        )
        return [content]

    def _answer(self, environ: Mapping[str, Any]) -> Answer:
        if self.token and environ.get("HTTP_AUTHORIZATION", "") != f"Bearer {self.token}":
            return "401 Unauthorized", {"errors": ["authorization is missing or wrong"]}
        if self.failing > 0:
            self.failing -= 1
            return "503 Service Unavailable", {"errors": ["simulated failure"]}
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
        if method == "POST" and path.endswith("/messages"):
            return self._take(environ)
        if method == "GET" and path.endswith("/reconciliation"):
            day = parse_qs(str(environ.get("QUERY_STRING", ""))).get("day", [""])[0]
            return "200 OK", {"day": day, "counts": self.counts(day)}
        if method == "GET" and path.endswith("/messages"):
            return "200 OK", {"messages": list(self.messages.values())}
        return "404 Not Found", {"errors": ["no such address"]}

    def _take(self, environ: Mapping[str, Any]) -> Answer:
        key = str(environ.get("HTTP_IDEMPOTENCY_KEY", ""))
        body, fault = _read(environ)
        if fault:
            return "400 Bad Request", {"errors": [fault]}
        if key in self.receipts:
            self.repeated += 1
            if self.messages[key] != body:
                return "409 Conflict", {"errors": [f"{key} was taken with other content"]}
            return "200 OK", {"receipt": self.receipts[key], "simulated": True}
        faults = faults_of(body)
        if not faults and key != f"{body['number']}:{body['sequence']}":
            faults = ["Idempotency-Key must be number:sequence"]
        if not faults and body["number"] in self.refusing:
            faults = [f"{body['number']}: refused on demand"]
        if faults:
            return "422 Unprocessable Content", {"errors": faults}
        return "201 Created", {"receipt": self._keep(key, body), "simulated": True}

    def _keep(self, key: str, body: dict[str, Any]) -> str:
        receipt = f"SIM-{len(self.receipts) + 1:08d}"
        self.messages[key], self.receipts[key] = body, receipt
        self.days[key] = datetime.now(CHINA).date().isoformat()
        return receipt

    def counts(self, day: str) -> dict[str, int]:
        """Messages taken on a day, by kind."""
        return dict(Counter(self.messages[key]["kind"] for key, taken in self.days.items() if taken == day))


def _read(environ: Mapping[str, Any]) -> tuple[Any, str]:
    size = str(environ.get("CONTENT_LENGTH") or "0")
    if not size.isdigit() or int(size) > MOST_BYTES:
        return None, "too large, or without a length"
    try:
        return json.loads(environ["wsgi.input"].read(int(size))), ""
    except ValueError:
        return None, "not JSON"


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # the base class names it so
        """Say nothing: messages bear personal data."""


def serve(simulator: Simulator, port: int, host: str = "127.0.0.1") -> Any:
    """A server that is bound and not yet serving; ``server_port`` tells the port when 0 was asked for."""
    return make_server(host, port, simulator, handler_class=_Quiet)
