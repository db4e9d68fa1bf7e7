"""A stand-in for the national identity platform, for tests and demonstrations. 统一身份认证模拟器.

It shows fictional people and firms, gives a ticket for the one chosen and a signed assertion for a ticket, once. It
keeps everything in memory, asks nobody for a password, and says on its page that it is simulated.
"""

from __future__ import annotations

import html
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode
from wsgiref.simple_server import WSGIRequestHandler, make_server

from kunyu.engines.security.national_identity.assertion import Claims, write
from kunyu.kernel.crypto.certificates import SIGNING, Certificate, self_signed
from kunyu.kernel.crypto.provider import KeyHandle, KeyKind
from kunyu.kernel.crypto.software import SoftwareProvider
from kunyu.kernel.identifiers import citizen_check, credit_code_check

ISSUER = "simulated national identity platform"
MOST_BYTES = 4096
LIFE_SECONDS = 120
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


@dataclass(frozen=True)
class Somebody:
    """A fictional person or firm; ``agent`` acts for a firm."""

    kind: str
    name: str
    code: str
    agent: str = ""


def _citizen(first_17: str) -> str:
    return first_17 + citizen_check(first_17)


def _firm(first_17: str) -> str:
    return first_17 + credit_code_check(first_17)


PEOPLE = (
    Somebody("person", "张示范", _citizen("41990119900307001")),
    Somebody("person", "李样例", _citizen("41990119851120002")),
    Somebody("organisation", "坤舆示范建设有限公司", _firm("91990101MA0KUNY0X"), "王经办"),
)
"""Division 419901 is none, and 990101 the fictional county: nobody is meant."""


@dataclass
class Simulator:
    """The WSGI application with its key and its tickets."""

    token: str = ""
    provider: SoftwareProvider = field(default_factory=SoftwareProvider)
    tickets: dict[str, dict[str, Any]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    key: KeyHandle = field(init=False)
    certificate: Certificate = field(init=False)

    def __post_init__(self) -> None:
        self.key = self.provider.generate(KeyKind.SM2, "simulated identity platform")
        now = datetime.now(UTC)
        span = (now - timedelta(hours=1), now + timedelta(days=30))
        self.certificate = self_signed(self.provider, self.key, {"common_name": ISSUER}, span, SIGNING)

    def __call__(self, environ: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        with self.lock:
            status, headers, content = self._answer(environ)
        start_response(status, [*headers, ("Content-Length", str(len(content))), ("Cache-Control", "no-store")])
        return [content]

    def _answer(self, environ: Mapping[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
        asked = {name: values[0] for name, values in parse_qs(str(environ.get("QUERY_STRING", ""))).items()}
        if method == "GET" and path == "/authorise" and {"client", "nonce", "back"} <= asked.keys():
            return self._page(asked)
        if method == "GET" and path == "/choose" and asked.get("who", "").isdigit():
            return self._chosen(asked)
        if method == "POST" and path == "/assertion":
            return self._assertion(environ)
        return _json("404 Not Found", {"error": "no such address"})

    def _page(self, asked: Mapping[str, str]) -> tuple[str, list[tuple[str, str]], bytes]:
        links = "".join(
            f'<li><a href="/choose?{html.escape(urlencode({**asked, "who": number}))}">{html.escape(one.name)}</a></li>'
            for number, one in enumerate(PEOPLE)
        )
        page = (
            '<!doctype html><html lang="zh-Hans"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            "<title>统一身份认证（模拟）</title><h1>统一身份认证（模拟）</h1><p>这不是国家政务服务平台，只供演示和测试；"
            f"人员均为虚构。This is a simulator; nobody here is real.</p><ul>{links}</ul></html>"
        )
        return "200 OK", [("Content-Type", "text/html; charset=utf-8")], page.encode()

    def _chosen(self, asked: Mapping[str, str]) -> tuple[str, list[tuple[str, str]], bytes]:
        number = int(asked["who"])
        if number >= len(PEOPLE) or not {"client", "nonce", "back"} <= asked.keys():
            return _json("404 Not Found", {"error": "nobody"})
        ticket = self.ticket(PEOPLE[number], asked["client"], asked["nonce"])
        joint = "&" if "?" in asked["back"] else "?"
        return "302 Found", [("Location", f"{asked['back']}{joint}{urlencode({'ticket': ticket})}")], b""

    def ticket(self, somebody: Somebody, client: str, nonce: str) -> str:
        """A ticket for somebody's assertion, good once."""
        ticket = secrets.token_urlsafe(24)
        self.tickets[ticket] = {"who": somebody, "client": client, "nonce": nonce}
        return ticket

    def _assertion(self, environ: Mapping[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
        if self.token and environ.get("HTTP_AUTHORIZATION", "") != f"Bearer {self.token}":
            return _json("401 Unauthorized", {"error": "authorization is missing or wrong"})
        size = str(environ.get("CONTENT_LENGTH") or "0")
        try:
            body = json.loads(environ["wsgi.input"].read(int(size))) if int(size) <= MOST_BYTES else None
        except ValueError:
            body = None
        kept = self.tickets.pop(str(body.get("ticket", "")), None) if isinstance(body, dict) else None
        if kept is None:
            return _json("404 Not Found", {"error": "no such ticket"})
        return _json("200 OK", {"assertion": self.assertion(**kept), "simulated": True})

    def assertion(self, who: Somebody, client: str, nonce: str, **other: Any) -> str:
        """The signed word about somebody; ``other`` claims take the place of the right ones, for tests."""
        now = int(time.time())
        claims = {
            "iss": ISSUER, "aud": client, "sub": secrets.token_hex(8), "nonce": nonce, "jti": secrets.token_hex(16),
            "iat": now, "exp": now + LIFE_SECONDS, "kind": who.kind, "name": who.name, "code": who.code,
            "agent": who.agent,
        }  # fmt: skip
        return write(self.provider, self.key, self.certificate, Claims(**{**claims, **other}))


def _json(status: str, said: Mapping[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
    return status, [("Content-Type", "application/json")], json.dumps(said, ensure_ascii=False).encode()


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # the base class names it so
        """Say nothing: tickets are keys."""


def serve(simulator: Simulator, port: int, host: str = "127.0.0.1") -> Any:
    """A server that is bound and not yet serving; ``server_port`` tells the port when 0 was asked for."""
    return make_server(host, port, simulator, handler_class=_Quiet)
