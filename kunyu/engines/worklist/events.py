"""Server-sent events: an ASGI application that tells waiting pages that something changed for them. 实时提示.

::

    GET /events        text/event-stream; event ``changed`` with data = task | notification | progress | incident | all,
                       event ``bye`` when the session has ended
    GET /healthz       200 while the database is heard

A page that is told asks ``/api/worklist/changes`` for what it may see. Connections are recognised by the session cookie
(or an access token) at the start and every `CHECKED_EVERY_S` again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from kunyu.engines.worklist.listener import Listener
from kunyu.engines.worklist.live import Hint

CHECKED_EVERY_S = float(os.environ.get("KUNYU_EVENTS_CHECK_SECONDS", "10"))
KNOWN_FOR_S = 1.0  # tabs of one browser ask once
PAUSE_S = 0.5  # between two events to one page: what comes in between is told together
MOST = 2000
MOST_PER_PERSON = 20

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(eq=False)
class Waiting:
    """One page that waits; ``news`` are the kinds of changes it has not been told of yet."""

    user_id: int
    news: set[str] = field(default_factory=set)
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, what: str) -> None:
        """Wake the page's connection."""
        self.news.add(what)
        self.woken.set()


class EventsApplication:
    """The ASGI application: one listener, many waiting pages."""

    def __init__(self) -> None:
        self._listener: Listener | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: dict[int, set[Waiting]] = {}
        self._known: dict[tuple[str, str], tuple[float, int | None]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or follow the life of the process."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    @property
    def count(self) -> int:
        """Pages that wait now."""
        return sum(map(len, self._waiting.values()))

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._loop = asyncio.get_running_loop()
                self._listener = Listener(self._hear)
                self._listener.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                if self._listener is not None:
                    await asyncio.to_thread(self._listener.stop)
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _hear(self, hint: Hint) -> None:
        """Called in the listener's thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._spread, hint)

    def _spread(self, hint: Hint) -> None:
        users = self._waiting.keys() if hint.users is None else hint.users
        for user_id in users:
            for page in self._waiting.get(user_id, ()):
                page.tell(hint.what)
        if hint.what == "session":
            self._known.clear()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, listener = scope["path"], self._listener
        alive = listener is not None and listener.listening.is_set()
        if path == "/healthz":
            await _short(send, 200 if alive else 503, "ok" if alive else "the database is away")
        elif path.rstrip("/") != "/events":
            await _short(send, 404, "not found")
        elif listener is None or not alive or self.count >= MOST:
            await _short(send, 503, "try again later")
        else:
            await self._wait(scope, receive, send)

    async def _wait(self, scope: Scope, receive: Receive, send: Send) -> None:
        allowed = allowed_origin(scope)
        if allowed is None:
            await _short(send, 403, "foreign page")
            return
        try:
            user_id = await self._whose(scope)
        except Exception:  # noqa: BLE001 - logged by the listener; the page comes again
            await _short(send, 503, "try again later")
            return
        if user_id is None:
            await _short(send, 401, "sign in first", allowed)
            return
        if len(self._waiting.get(user_id, ())) >= MOST_PER_PERSON:
            await _short(send, 429, "too many pages", allowed)
            return
        page = Waiting(user_id)
        self._waiting.setdefault(user_id, set()).add(page)
        try:
            await self._stream(scope, receive, send, page, allowed)
        finally:
            self._waiting[user_id].discard(page)
            if not self._waiting[user_id]:
                del self._waiting[user_id]

    async def _stream(self, scope: Scope, receive: Receive, send: Send, page: Waiting, allowed: str) -> None:
        headers = [
            (b"content-type", b"text/event-stream"),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": [*headers, *_cors(allowed)]})
        await _write(send, "retry: 3000\nevent: changed\ndata: all\n\n")
        gone = asyncio.create_task(_disconnected(receive))
        checked = time.monotonic()
        try:
            while not gone.done():
                await _first(gone, page.woken, CHECKED_EVERY_S)
                news, page.news = page.news, set()
                page.woken.clear()
                if "session" in news or time.monotonic() - checked >= CHECKED_EVERY_S:
                    if not await self._still_theirs(scope, page):
                        await _write(send, "event: bye\ndata: session ended\n\n", more=False)
                        return
                    checked = time.monotonic()
                    await _write(send, ": still here\n\n")
                told = sorted(news - {"session"})
                if told:
                    await _write(send, "".join(f"event: changed\ndata: {one}\n\n" for one in told))
                    await _first(gone, None, PAUSE_S)
        except (ConnectionError, OSError):
            return  # the page went away while it was written to
        finally:
            gone.cancel()

    async def _still_theirs(self, scope: Scope, page: Waiting) -> bool:
        try:
            return await self._whose(scope) == page.user_id
        except Exception:  # noqa: BLE001 - the database is away for a moment: asked again at the next check
            return True

    async def _whose(self, scope: Scope) -> int | None:
        said = dict(scope["headers"])
        key = (said.get(b"cookie", b"").decode("latin-1"), said.get(b"authorization", b"").decode("latin-1"))
        if not any(key):
            return None
        now = time.monotonic()
        known = self._known.get(key)
        if known is not None and now - known[0] < KNOWN_FOR_S:
            return known[1]
        assert self._listener is not None
        origin = (scope.get("client") or ("", 0))[0]
        user_id = await asyncio.wrap_future(self._listener.whose(list(scope["headers"]), origin))
        self._known = {one: value for one, value in self._known.items() if now - value[0] < KNOWN_FOR_S}
        self._known[key] = (time.monotonic(), user_id)
        return user_id


def allowed_origin(scope: Scope) -> str | None:
    """The page's origin when it is ours ('' when the browser sends none), None for a foreign page.

    Ours is a page of the same host: on a laptop it comes from another port than the events do, and nowhere else.
    """
    said = dict(scope["headers"])
    origin, host = said.get(b"origin", b"").decode("latin-1"), said.get(b"host", b"").decode("latin-1")
    if not origin:
        return ""
    page, here = urlsplit(origin), urlsplit(f"//{host}")
    try:
        ports = {here.port, int(os.environ.get("KUNYU_PORT", "8080") or 0)}
        fits = page.hostname == here.hostname and (page.netloc == host or page.port in ports)
    except ValueError:
        return None
    return origin if fits else None


def _cors(allowed: str) -> list[tuple[bytes, bytes]]:
    if not allowed:
        return []
    return [
        (b"access-control-allow-origin", allowed.encode("latin-1")),
        (b"access-control-allow-credentials", b"true"),
        (b"vary", b"Origin"),
    ]


async def _short(send: Send, status: int, text: str, allowed: str = "") -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store"), *_cors(allowed)]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{text}\n".encode()})


async def _write(send: Send, text: str, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": more})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _first(gone: asyncio.Task[None], woken: asyncio.Event | None, timeout_s: float) -> None:
    """Wait until the page goes, news come, or the time is over."""
    waits: list[asyncio.Task[Any]] = [gone]
    news = asyncio.create_task(woken.wait()) if woken is not None else None
    if news is not None:
        waits.append(news)
    await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    if news is not None:
        news.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await news
