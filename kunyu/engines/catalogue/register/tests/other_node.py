"""A real server of another bureau: WMS, OGC API, tiles, 3D Tiles, and several bad manners."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

KEY = "provider-key-7731"


@dataclass
class Other:
    """Where it is, and what it was asked: method, path with query, headers."""

    address: str
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    is_down: bool = False


@contextmanager
def running() -> Iterator[Other]:
    """The server, on a port of its own, until the block ends."""
    other = Other("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            other.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            status, kind, body = answer(other, self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Set-Cookie", "theirs=1")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    other.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield other
    finally:
        server.shutdown()
        server.server_close()


def answer(other: Other, path: str) -> tuple[int, str, bytes]:
    """Status, media type and body for one path."""
    parts = urlsplit(path)
    query = {name.lower(): values[0] for name, values in parse_qs(parts.query).items()}
    if other.is_down:
        return 503, "text/plain", b"down"
    match parts.path:
        case "/geo/wms" if query.get("request") == "GetCapabilities":
            text = (
                f'<?xml version="1.0"?><wms:WMS_Capabilities><OnlineResource href="{other.address}/geo/wms?tk={KEY}&amp;"/>'
                "</wms:WMS_Capabilities>"
            )
            return 200, "text/xml; charset=utf-8", text.encode()
        case "/geo/wms":
            return 200, "image/png", b"\x89PNG picture"
        case "/api/":
            return 200, "application/json", json.dumps({"links": [{"href": f"{other.address}/api/x"}]}).encode()
        case "/lies/wms":
            return 200, "text/html", b"<html>login</html>"
        case "/hangs":
            time.sleep(5)
            return 200, "text/plain", b""
        case "/tiles/3/6/2.png":
            return 200, "image/png", b"\x89PNG tile"
        case "/page":
            return 200, "text/html", b"<script>alert(1)</script>"
        case _:
            return 404, "text/plain", f"nothing at {parts.path}".encode()
