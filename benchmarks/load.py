"""A load generator that costs little: one thread, many keep-alive connections, HTTP/1.1 read only as far as needed.

It runs on the machine that it measures and takes part of its two cores from both sides alike; what it takes is why it
reads bodies without looking at them. Answers are counted by status, seconds are kept for each.
"""

from __future__ import annotations

import itertools
import selectors
import socket
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

RECEIVE_BYTES = 1 << 18
SILENT_SECONDS = 60.0


@dataclass(frozen=True)
class Asked:
    """What to ask: paths in turn, headers, on how many connections, for how long.

    ``headers`` may be one mapping or one for each path, in the order of ``paths``.
    """

    port: int
    paths: Sequence[str]
    connections: int
    seconds: float
    headers: Mapping[str, str] | Sequence[Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Heard:
    """What came back: answers per second, the seconds of each answer in order of size, statuses, bytes of bodies."""

    rate: float
    seconds: tuple[float, ...]
    statuses: dict[int, int]
    body_bytes: int

    def quantile_ms(self, share: float) -> float:
        """Milliseconds within which ``share`` of the answers came."""
        return 1000 * self.seconds[min(len(self.seconds) - 1, int(share * len(self.seconds)))]


class _Connection:
    """One connection and the answer it is reading."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=SILENT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.begun = 0.0

    def ask(self, request: bytes) -> None:
        self.head = b""
        self.left: int | None = None  # bytes of the body still to come; None while the head is read or in chunks
        self.is_chunked = False
        self.tail = b""
        self.status = 0
        self.body_bytes = 0
        self.begun = time.perf_counter()
        self.socket.sendall(request)

    def take(self, data: bytes) -> bool:
        """Take what arrived; True when the answer is complete."""
        if not self.status:
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return False
            self._read_head(self.head[:end])
            data = self.head[end + 4 :]
        self.body_bytes += len(data)
        if self.is_chunked:
            self.tail = (self.tail + data)[-7:]
            return self.tail.endswith(b"0\r\n\r\n") and (len(self.tail) == 5 or self.tail[-7:-5] == b"\r\n")
        assert self.left is not None
        self.left -= len(data)
        return self.left <= 0

    def _read_head(self, head: bytes) -> None:
        self.status = int(head[9:12])
        lowered = head.lower()
        self.is_chunked = b"transfer-encoding: chunked" in lowered
        mark = lowered.find(b"content-length:")
        self.left = int(lowered[mark + 15 :].split(b"\r\n", 1)[0]) if mark >= 0 else 0
        if self.status in (204, 304):
            self.left, self.is_chunked = 0, False


def requests_of(asked: Asked) -> list[bytes]:
    """The requests as bytes, one for each path."""
    each = [asked.headers] * len(asked.paths) if isinstance(asked.headers, Mapping) else list(asked.headers)
    made = []
    for path, headers in zip(asked.paths, each, strict=True):
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{asked.port}", *(f"{k}: {v}" for k, v in headers.items())]
        made.append(("\r\n".join(lines) + "\r\n\r\n").encode())
    return made


def put_load(asked: Asked, allowed: Sequence[int] = (200, 204)) -> Heard:
    """Ask until the time is over, each connection one request at a time; the last answers count with their time.

    Raises
    ------
    RuntimeError
        An answer has another status, or a connection was closed in the middle of an answer.
    """
    requests = itertools.cycle(requests_of(asked))
    selector = selectors.DefaultSelector()
    statuses: Counter[int] = Counter()
    seconds: list[float] = []
    body_bytes = 0
    begun = time.perf_counter()
    ends, open_count = begun + asked.seconds, asked.connections
    for _ in range(asked.connections):
        connection = _Connection(asked.port)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.ask(next(requests))
    while open_count:
        ready = selector.select(SILENT_SECONDS)
        if not ready:
            raise RuntimeError(f"port {asked.port}: no answer within {SILENT_SECONDS:g} s")
        for key, _ in ready:
            connection = key.data
            data = connection.socket.recv(RECEIVE_BYTES)
            if not data:
                raise RuntimeError(f"port {asked.port}: closed in the middle of an answer (status {connection.status})")
            if not connection.take(data):
                continue
            now = time.perf_counter()
            seconds.append(now - connection.begun)
            statuses[connection.status] += 1
            body_bytes += connection.body_bytes
            if now < ends:
                connection.ask(next(requests))
            else:
                selector.unregister(connection.socket)
                connection.socket.close()
                open_count -= 1
    took = time.perf_counter() - begun
    if bad := {status: count for status, count in statuses.items() if status not in allowed}:
        raise RuntimeError(f"port {asked.port}: {bad} of {sum(statuses.values())} answers")
    return Heard(sum(statuses.values()) / took, tuple(sorted(seconds)), dict(statuses), body_bytes)
