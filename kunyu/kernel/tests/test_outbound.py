"""Asking other machines: where it may lead, and what a bad one may do to us. R-138; the security of registered services."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kunyu.kernel import outbound
from kunyu.kernel.outbound import OutboundFailed, OutboundRefused, Reach, ask, networks_of

LOCAL = Reach(networks=networks_of("127.0.0.0/8"), seconds=30, most_bytes=1 << 20)
HURRIED = replace(LOCAL, seconds=1.5)


class _Other(BaseHTTPRequestHandler):
    """A real server with several bad manners."""

    def do_GET(self) -> None:
        match self.path:
            case "/redirect":
                self.send_response(302)
                self.send_header("Location", "http://127.0.0.1:1/")
                self.end_headers()
            case "/hang":
                time.sleep(20)
            case "/drip":
                self.send_response(200)
                self.end_headers()
                for _ in range(200):
                    self.wfile.write(b"x")
                    self.wfile.flush()
                    time.sleep(0.1)
            case "/large":
                self.send_response(200)
                self.end_headers()
                for _ in range(40):
                    self.wfile.write(b"x" * 65536)
            case _:
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                self.end_headers()
                self.wfile.write(f"{self.headers['Host']} {self.path}".encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def other() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Other)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_an_answer_with_its_headers(other: str) -> None:
    answer = ask(f"{other}/a?b=1", LOCAL)
    assert (answer.status, answer.media_type) == (200, "text/plain")
    assert answer.body.decode() == f"{other.removeprefix('http://')} /a?b=1"


@pytest.mark.parametrize("path", ["/redirect", "/hang", "/drip", "/large"])
def test_bad_manners_end_in_time(other: str, path: str) -> None:
    """A redirect is not followed; a server that hangs, drips or floods is left within the bounds."""
    begun = time.monotonic()
    with pytest.raises(OutboundFailed):
        ask(other + path, HURRIED)
    assert time.monotonic() - begun < 15


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "gopher://example.org/", "http://", "http://user:secret@example.org/", "//example.org/",
        "http://127.0.0.1/", "http://[::1]/", "http://0.0.0.0/", "http://10.1.2.3/", "http://169.254.169.254/latest",
        "http://[::ffff:127.0.0.1]/", "http://2130706433/", "http://0x7f.1/", "http://localhost/", "http://a\nb/",
        "http://example.org:99999/", "http://224.0.0.1/", "http://100.64.0.1/", "http://192.168.0.1:5432/",
    ],
)  # fmt: skip
def test_addresses_that_are_not_asked(url: str) -> None:
    """Internal addresses in every spelling, other schemes, credentials: refused before anything is sent."""
    with pytest.raises(OutboundRefused):
        ask(url, Reach())


def test_a_name_that_leads_inside_is_judged_by_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """One internal address among several refuses the name; and the connection goes to the judged address."""

    def resolving(*addresses: str) -> Callable[..., list[tuple[object, ...]]]:
        return lambda host, port, **_: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]

    monkeypatch.setattr(outbound.socket, "getaddrinfo", resolving("93.184.216.34", "10.0.0.5"))
    with pytest.raises(OutboundRefused):
        ask("http://outside.example/", Reach())


def test_the_node_itself_is_never_asked(other: str) -> None:
    """Not even where its network is opened: its own port on any of its addresses."""
    port = int(other.rsplit(":", 1)[1])
    reach = Reach(networks=networks_of("127.0.0.0/8"), own=frozenset({("192.0.2.7", port)}))
    with pytest.raises(OutboundRefused, match="本节点自身"):
        ask(other, reach)
