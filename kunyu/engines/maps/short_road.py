"""Tiles of layers that this very caller was given before, answered ahead of the application. 瓦片捷径.

A map asks for the same tiles again and again. Finding out anew who asks, what he may see and what is published takes
the application about two milliseconds; whether any of it *changed* takes the database one look at one row. So a worker
remembers what it answered to a caller, together with the epochs of rights, labels and data under which it did, and
answers the same request from the same caller (token or session, address) by itself while

* the token or session still holds, asked of the database at every request,
* no epoch has risen since, asked in the same statement: a revoked grant, a label, a publication holds at the next request,
* the answer is younger than ``KEPT_SECONDS`` and of the same day: what ends by the clock alone is found out by then,
* the read of labelled data is on record for this minute (``audit``); else the application answers, and records it.

A tile that this caller was not given before, of a layer that he was given tiles of, is drawn under the same conditions: what
all its tiles have in common (``tile_plans``) is remembered with the epochs it was found under. Row security stands behind it
as always, and so does the record.

Keys with a quota, filters and everything but vector tiles take the long road.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import psycopg
from django.conf import settings
from django.db import connections
from django.http import HttpRequest
from django.utils import timezone

from kunyu.engines.maps.settings import maps_settings
from kunyu.engines.maps.tile_plans import OWN_HEADERS, Place, TilePlan
from kunyu.engines.maps.tiles import MEDIA_TYPE
from kunyu.engines.security import prepared
from kunyu.engines.security.api_keys import uses
from kunyu.engines.security.audit import reads
from kunyu.engines.security.scope import Principal
from kunyu.kernel.digests import sm3_hex

KEPT_SECONDS = 30.0
MOST_BYTES = 1 << 20
"""A larger answer is not remembered."""
REMEMBER = "kunyu.remember"
"""Where the tile view leaves a :class:`Told` in the WSGI environment."""
FAILED = "kunyu.failed"
"""Where the tile view finds the error that a tile was drawn with ahead of it: it answers as with its own."""
_LISTENS = "kunyu.short_road"
_MOST_ROUTES = 2_000

_OF_NOBODY = "SELECT rights_epoch, labels_epoch, data_epoch FROM security_nodestate WHERE id = 1"
_OF_BEARER = """
SELECT n.rights_epoch, n.labels_epoch, n.data_epoch
FROM security_nodestate n, security_accesstoken t JOIN security_user u ON u.id = t.user_id
WHERE n.id = 1 AND t.digest = %s AND t.revoked_at IS NULL AND u.is_active
  AND (t.expires_at IS NULL OR t.expires_at > now())
"""
# a session that has not been seen for most of a minute takes the long road, which moves its idle end on
_OF_SESSION = """
SELECT n.rights_epoch, n.labels_epoch, n.data_epoch
FROM security_nodestate n, security_signinsession s JOIN security_user u ON u.id = s.user_id
WHERE n.id = 1 AND s.key_digest = %s AND s.ended_at IS NULL AND s.ends_at > now()
  AND s.seen_at > now() - interval '50 seconds' AND u.is_active AND NOT u.must_change_password
"""

Start = Callable[..., Any]
Application = Callable[[dict[str, Any], Start], Iterable[bytes]]
_Key = tuple[str, ...]
_Epochs = tuple[int, int, int]
Headers = tuple[tuple[str, str], ...]


Read = tuple[str, reads.Extent, int, str]
"""Collection, extent, label and kind of an entry of the audit."""


def read_of(plan: TilePlan, extent: reads.Extent) -> Read | None:
    """What must be on record before a tile is answered; None for data that bear no label."""
    return (plan.layer.collection, extent, plan.label.code, "tiles") if plan.label.code else None


@dataclass(frozen=True)
class Told:
    """What the tile view knows of its answer: who asked, the epochs it was made under, and what must be on record.

    ``plan`` is what other tiles of the layer have in common with it.
    """

    principal: Principal
    epochs: _Epochs
    tag: str
    read: Read | None = None
    plan: TilePlan | None = None


@dataclass(frozen=True)
class _Held:
    """Under what an answer was made, and how to ask whether it is so still and its caller holds what he showed."""

    principal: Principal
    epochs: _Epochs
    statement: str
    digest: str
    day: date
    until: float


@dataclass(frozen=True)
class _Known:
    """A remembered answer. ``body`` is None where only "not modified" was answered so far: that can be said again,
    nothing else.
    """

    held: _Held
    tag: str
    read: Read | None
    status: str
    headers: Headers
    body: bytes | None

    @property
    def size(self) -> int:
        return len(self.body or b"")

    def is_named_by(self, environ: Mapping[str, Any]) -> bool:
        """Does ``If-None-Match`` name this very answer (weak comparison, RFC 9110 §13.1.2)?"""
        given = environ.get("HTTP_IF_NONE_MATCH", "")
        return bool(given) and self.tag in (part.strip().removeprefix("W/") for part in given.split(","))


@dataclass(frozen=True)
class _Route:
    """How the application answers with tiles of one layer to one caller; ``headers`` are those that all of them bear."""

    held: _Held
    plan: TilePlan
    headers: Headers


@dataclass
class _Memory:
    """Answers by request and caller, the longest unused leaving first when there is no room."""

    most_bytes: int
    found: OrderedDict[_Key, _Known] = field(default_factory=OrderedDict)
    used: int = 0
    guard: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: _Key) -> _Known | None:
        with self.guard:
            known = self.found.get(key)
            if known is not None:
                self.found.move_to_end(key)
            return known

    def put(self, key: _Key, known: _Known) -> None:
        with self.guard:
            old = self.found.pop(key, None)
            self.used += known.size - (old.size if old else 0)
            self.found[key] = known
            while self.used > self.most_bytes or len(self.found) > 50_000:
                _, gone = self.found.popitem(last=False)
                self.used -= gone.size

    def drop(self, key: _Key) -> None:
        with self.guard:
            gone = self.found.pop(key, None)
            self.used -= gone.size if gone else 0


class ShortRoad:
    """WSGI: tiles of known layers by itself, everything else by ``application``, from whose tiles it learns."""

    def __init__(self, application: Application, most_mib: int | None = None) -> None:
        room = maps_settings().tile_memory_mib if most_mib is None else most_mib
        self._application = application
        self._memory = _Memory(room << 20)
        self._routes: OrderedDict[_Key, _Route] = OrderedDict()
        self._guard = threading.Lock()
        self._own = threading.local()

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        key = _key(environ)
        if key is None:
            return self._application(environ, start)
        known = self._memory.get(key)
        if known is not None and (known.body is not None or known.is_named_by(environ)):
            if self._holds(known.held, known.read):
                return _answer(known, environ, start)
            self._memory.drop(key)
        elif (drawn := self._drawn(key, environ)) is not None:
            return _answer(drawn, environ, start)
        return self._learnt(key, environ, start)

    def _drawn(self, key: _Key, environ: dict[str, Any]) -> _Known | None:
        """The tile by a known route; None where there is none, it holds no more, or it leads nowhere."""
        layer_key, place = _route_key(key)
        route = self._routes.get(layer_key)
        if route is None or place is None or not route.plan.grid.holds(*place):
            return None
        read = read_of(route.plan, route.plan.extent(place))
        if not self._holds(route.held, read):
            return None
        tag = route.plan.tag(place)
        unchanged = _Known(route.held, tag, read, "304 Not Modified", (*route.headers, ("ETag", tag)), None)
        if unchanged.is_named_by(environ):
            return unchanged
        try:
            kept = route.plan.tile(place)
        except Exception as error:  # noqa: BLE001 - the application says it to the caller as it says its own
            environ[FAILED] = error
            return None
        own = {**kept.headers, "Content-Length": str(len(kept.data))}
        if kept.data:
            own["Content-Type"] = MEDIA_TYPE
        status = "200 OK" if kept.data else "204 No Content"
        known = replace(unchanged, status=status, headers=(*unchanged.headers, *own.items()), body=kept.data)
        self._remember(key, known)
        return known

    def _holds(self, held: _Held, read: Read | None) -> bool:
        """Nothing changed and the read is on record; on any doubt the long road."""
        if time.monotonic() > held.until or timezone.localdate() != held.day:
            return False
        if read is not None and not reads.is_recorded(held.principal, *read):
            return False
        return self._epochs(held.statement, held.digest) == held.epochs

    def _epochs(self, statement: str, digest: str) -> _Epochs | None:
        """The three epochs now, None when the caller's token or session holds no more or the database is away."""
        try:
            connection = getattr(self._own, "connection", None)
            if connection is None or connection.closed:
                connection = self._own.connection = _connect()
            values = (digest,) if digest else None
            return connection.execute(statement, values, prepare=True).fetchone()  # type: ignore[no-any-return]
        except psycopg.Error:
            self._own.connection = None
            return None

    def _learnt(self, key: _Key, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        """What the application answers, remembered where it may be given again."""
        said: list[tuple[str, list[tuple[str, str]]]] = []

        def listening(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            said.append((status, headers))
            return start(status, headers, *rest)

        environ[_LISTENS] = True
        answer = self._application(environ, listening)
        told = environ.get(REMEMBER)
        if not isinstance(told, Told) or len(said) != 1 or said[0][0][:3] not in ("200", "204", "304"):
            return answer
        body = b"".join(answer)
        if hasattr(answer, "close"):
            answer.close()
        status, headers = said[0]
        if any(name.lower() == "set-cookie" for name, _ in headers):
            return [body]
        until = time.monotonic() + KEPT_SECONDS
        held = _Held(told.principal, told.epochs, *_caller(environ), timezone.localdate(), until)
        is_whole = not status.startswith("304")
        if is_whole or self._memory.get(key) is None:
            self._remember(key, _Known(held, told.tag, told.read, status, tuple(headers), body if is_whole else None))
        if told.plan is not None:
            common = tuple((name, value) for name, value in headers if name.lower() not in _OF_ONE_TILE)
            with self._guard:
                self._routes[_route_key(key)[0]] = _Route(held, told.plan, common)
                while len(self._routes) > _MOST_ROUTES:
                    self._routes.popitem(last=False)
        return [body]

    def _remember(self, key: _Key, known: _Known) -> None:
        if self._memory.most_bytes and known.size <= MOST_BYTES:
            self._memory.put(key, known)


def epochs_before(request: HttpRequest) -> _Epochs | None:
    """The epochs before anything about a tile is read: what changes later raises them, so nothing newer is missed.

    None where nobody remembers answers, as in a test's client.
    """
    return prepared.fetch_one(_OF_NOBODY, ()) if request.META.get(_LISTENS) else None  # type: ignore[return-value]


def _connect() -> psycopg.Connection[Any]:
    own = connections["default"].settings_dict  # a test has a database of its own
    named = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    given = {name: str(own[key]) for name, key in named.items() if own.get(key)}
    return psycopg.connect(**given, autocommit=True, application_name="kunyu-short-road", connect_timeout=3)  # type: ignore[arg-type]


def _route_key(key: _Key) -> tuple[_Key, Place | None]:
    """What makes two tiles those of one layer to one caller, and which tile was asked for; None where that is no tile."""
    host, path, *rest = key
    above, *place = path.rsplit("/", 3)
    is_tile = len(place) == 3 and all(one.isascii() and one.isdigit() and len(one) < 10 for one in place)
    return (host, above, *rest), tuple(map(int, place)) if is_tile else None  # type: ignore[return-value]


def _key(environ: dict[str, Any]) -> _Key | None:
    """What makes two requests the same; None for whatever is no tile."""
    path = environ.get("PATH_INFO", "")
    if environ.get("REQUEST_METHOD") != "GET" or not path.startswith("/ogc/collections/") or "/tiles/" not in path:
        return None
    query = environ.get("QUERY_STRING", "")
    if "filter" in query:
        return None
    header = environ.get("HTTP_AUTHORIZATION", "")
    credential = header or _cookie(environ)
    if header and not header.startswith("Bearer "):
        return None
    near, forwarded = environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", "")
    return environ.get("HTTP_HOST", ""), path, query, credential, near, forwarded


def _cookie(environ: dict[str, Any]) -> str:
    name = f"{settings.SESSION_COOKIE_NAME}="
    for part in environ.get("HTTP_COOKIE", "").split(";"):
        if part.strip().startswith(name):
            return str(part.strip()[len(name) :])
    return ""


def _caller(environ: dict[str, Any]) -> tuple[str, str]:
    """The statement that asks whether the caller still holds what he showed, and the digest it is asked with."""
    header = environ.get("HTTP_AUTHORIZATION", "")
    if header:
        return _OF_BEARER, sm3_hex(header.partition(" ")[2].strip().encode())
    if cookie := _cookie(environ):
        return _OF_SESSION, sm3_hex(cookie.encode())
    return _OF_NOBODY, ""


_FRESH = ("content-length", "content-type")
_OF_ONE_TILE = {*_FRESH, "etag", *(name.lower() for name in OWN_HEADERS)}


def _answer(known: _Known, environ: dict[str, Any], start: Start) -> Sequence[bytes]:
    status, headers, body = known.status, list(known.headers), known.body or b""
    if known.is_named_by(environ):
        status, body = "304 Not Modified", b""
        headers = [(name, value) for name, value in headers if name.lower() not in _FRESH]
    uses.count(known.held.principal, None, environ["PATH_INFO"], int(status[:3]), len(body))
    start(status, headers)
    return [body]
