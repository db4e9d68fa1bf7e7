"""A small SMTP server for the tests: real sockets, keeps what it takes, refuses whom it is told to refuse."""

from __future__ import annotations

import email
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from email.policy import default


class SmtpServer(socketserver.ThreadingTCPServer):
    """Takes mail on a free port; ``refuses`` maps an address to the reply it gets (``550 no such user``)."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.taken: list[Message] = []
        self.refuses: dict[str, str] = {}
        self.url = f"smtp://127.0.0.1:{self.server_address[1]}"


class _Talk(socketserver.StreamRequestHandler):
    server: SmtpServer

    def handle(self) -> None:
        self._say("220 test")
        while line := self.rfile.readline().decode().rstrip("\r\n"):
            verb = line.upper().split(" ")[0]
            if verb in ("EHLO", "HELO"):
                self._say("250 test")
            elif verb == "RCPT":
                address = line.partition("<")[2].partition(">")[0]
                self._say(self.server.refuses.get(address, "250 ok"))
            elif verb == "DATA":
                self._say("354 go on")
                self._take()
                self._say("250 taken")
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _take(self) -> None:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b"..") else line)
        self.server.taken.append(email.message_from_bytes(b"".join(lines), policy=default))

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def running() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
